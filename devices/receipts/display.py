"""The parts of a receipt in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core.formatting import number
from devices.receipts import builder as receipt_builder

PART_LABELS = {
    "details": gettext_lazy("Current values"),
    "metafields": gettext_lazy("Metafields"),
    "tags": gettext_lazy("Tags"),
    "timeline": gettext_lazy("Timeline"),
    "logs": gettext_lazy("Log of user actions"),
}


def missing_part_text(name: str, part: receipt_builder.ReceiptPart) -> str:
    """One thing that the receipt lacks, and why, as a sentence."""
    some = part.items > 0
    told = {"part": PART_LABELS.get(name, name), "n": number(part.items), "total": number(part.total or 0)}
    told["needs"] = ", ".join(part.needs)
    words = {
        receipt_builder.PERMISSION: _("%(part)s: you may not read it. Your role lacks %(needs)s."),
        receipt_builder.TOO_MANY: _(
            "%(part)s: only the newest %(n)s of %(total)s entries, which is as much as is collected."
        ),
        receipt_builder.TOO_LARGE: _("%(part)s: the receipt would be too large. It has %(n)s entries of it."),
        receipt_builder.TOO_LONG: _("%(part)s: reading it took too long. It has %(n)s entries of it."),
        receipt_builder.CHANGED: _("%(part)s: it became shorter while it was read. It has %(n)s entries of it."),
        receipt_builder.NO_REPLY: _("%(part)s: the platform did not answer."),
        receipt_builder.FAULT: _("%(part)s: the platform’s answer could not be used."),
    }[part.reason]
    if part.reason == receipt_builder.TOO_MANY and part.total is None:
        words = _("%(part)s: only the newest %(n)s entries, which is as much as is collected.")
    if some and part.reason in receipt_builder.RETRYABLE:
        words = _("%s It has %%(n)s entries of it.") % words
    return words % told
