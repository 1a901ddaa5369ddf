"""Words for the parts of a receipt."""

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
    """A sentence: what the receipt lacks, and why."""
    values = {
        "part": PART_LABELS.get(name, name),
        "n": number(part.items),
        "total": number(part.total or 0),
        "needs": ", ".join(part.needs),
    }
    text = {
        receipt_builder.PERMISSION: _("%(part)s: you may not read it. Your role lacks %(needs)s."),
        receipt_builder.TOO_MANY: _("%(part)s: only the newest %(n)s of %(total)s entries. A receipt holds no more."),
        receipt_builder.TOO_LARGE: _("%(part)s: the receipt would be too large. It includes %(n)s entries."),
        receipt_builder.TOO_LONG: _("%(part)s: reading it took too long. The receipt includes %(n)s entries."),
        receipt_builder.CHANGED: _(
            "%(part)s: it became shorter while it was read. The receipt includes %(n)s entries."
        ),
        receipt_builder.NO_REPLY: _("%(part)s: the platform did not answer."),
        receipt_builder.FAULT: _("%(part)s: the platform’s reply could not be used."),
    }[part.reason]
    if part.reason == receipt_builder.TOO_MANY and part.total is None:
        text = _("%(part)s: only the newest %(n)s entries. A receipt holds no more.")
    if part.items and part.reason in receipt_builder.RETRYABLE:
        text = _("%s The receipt includes %%(n)s entries.") % text
    return text % values
