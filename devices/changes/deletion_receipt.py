"""The receipt before a deletion or an erasure: collecting it, page by page where that takes long."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from devices.audit import log as audit_log
from devices.changes.deletion_pages import HARMS, Harm
from devices.changes.forms import ConfirmForm
from devices.core.formatting import name_of, number
from devices.core.requests import POLL, DeviceRequest, clock_for, require
from devices.core.responses import answer, move_on, query_string
from devices.core.text import shorten
from devices.gateway.resilience.limits import PlatformStatus
from devices.gateway.types import BaseInfo
from devices.receipts import builder as receipt_builder
from devices.receipts import store as receipt_store
from devices.receipts.display import PARTS, missing_words
from devices.receipts.models import ReceiptDraft
from devices.receipts.views import _file

FIRST = 4.0
"""Seconds that the sending of the form may spend on collecting: what fits costs nobody a further press."""


LOOK = 1.5
"""Seconds that each look at the page of progress spends on it."""


FIELDS = ("idempotency_key", "expected_version", "reason", "confirm", "told")


class Collected(NamedTuple):
    """What was collected. `page_url`: where it goes on, or waits for the last press; empty if it is there at once."""

    progress: receipt_builder.Progress
    body: str = ""
    draft: ReceiptDraft | None = None
    page_url: str = ""

    def forget(self) -> None:
        if self.draft:
            receipt_store.forget(self.draft)

    def follow(self, request: DeviceRequest, form: ConfirmForm) -> None:
        """Nothing was done: what was collected is there for the form that is shown again."""
        if self.draft:
            idempotency_key = form.data.get("idempotency_key", "")
            receipt_store.move(
                self.draft, _key(request, self.progress.operation, self.progress.device_id, idempotency_key)
            )


def collect(request: DeviceRequest, harm: Harm, info: BaseInfo, form: ConfirmForm) -> Collected:
    """Read as much as fits into the time of this request; of an earlier sending of the form, the rest.

    What failed before is tried again, unless the person goes on without it. Raises NotFound and Unauthorized.
    """
    form.cleaned_data["idempotency_key"] = form.cleaned_data["idempotency_key"] or audit_log.new_idempotency_key()
    filled = {name: form.cleaned_data[name] for name in FIELDS} | {"name": name_of(info)}
    key = _key(request, harm.operation, info.id, filled["idempotency_key"])
    draft = receipt_store.draft_of(key)
    began = time.monotonic()
    if draft is None:
        progress, chunks = receipt_builder.begin(request.access, harm.operation, info)
        chunks += receipt_builder.go_on(request.gateway, progress, FIRST)
        slow = time.monotonic() - began > FIRST
        body = receipt_builder.document(progress, chunks) if progress.finished else ""
        if not body or slow or not form.agrees_to(progress.missing):
            draft = receipt_store.keep_draft(request.access, key, filled, progress, chunks)
    else:
        with receipt_store.reading_on(draft) as mine:
            progress = receipt_store.progress_of(draft)
            if mine and not form.cleaned_data["without"]:
                receipt_builder.try_again(progress)
            chunks = receipt_builder.go_on(request.gateway, progress, FIRST) if mine else []
            receipt_store.add(draft, progress, chunks, filled)
        slow = bool(chunks) and time.monotonic() - began > FIRST
        body = receipt_store.document_of(draft) if progress.finished else ""
    # Slow: too little of this request's time may be left to do harm and to prove it.
    return Collected(progress, body, draft, _page_url(draft) if draft and (slow or not body) else "")


def _key(request: DeviceRequest, operation: str, device_id: int, idempotency_key: str) -> str:
    return receipt_store.key_of(request.access, operation, device_id, idempotency_key)


def _page_url(draft: ReceiptDraft) -> str:
    return reverse("devices:device-receipt", args=[draft.device_id, draft.pk])


@require_http_methods(["GET", "HEAD", "POST"])
def device_receipt(request: DeviceRequest, device_id: int, draft_id: int) -> HttpResponse:
    """How far the receipt is. Each look reads on; when all is there, its form does the harm. POST calls it off."""
    draft = _draft(request, device_id, draft_id)
    harm = HARMS[receipt_store.progress_of(draft).operation]
    require(request, harm.operation)
    if request.method == "POST":
        receipt_store.forget(draft)
        messages.info(request, _("Called off. Nothing was changed, and what was collected is thrown away."))
        return move_on(request, reverse("devices:device-detail", args=[device_id]))
    progress = receipt_store.progress_of(draft)
    if not progress.finished:
        with receipt_store.reading_on(draft) as mine:
            progress = receipt_store.progress_of(draft)
            if mine:
                receipt_store.add(draft, progress, receipt_builder.go_on(request.gateway, progress, LOOK))
    context = _context(request, draft, harm, progress)
    if context["wait"] and not progress.finished:
        request.platform_status = PlatformStatus()  # this page tells the wait itself, without a banner
    return answer(request, "changes/receipt_progress.html", "changes/_receipt_progress.html", context)


@require_safe
def device_receipt_file(request: DeviceRequest, device_id: int, draft_id: int) -> HttpResponseBase:
    """The receipt before the harm: the very file that will be kept."""
    draft = _draft(request, device_id, draft_id)
    if not receipt_store.progress_of(draft).finished:
        raise Http404
    return _file(request, receipt_store.document_of(draft), device_id)


def _draft(request: DeviceRequest, device_id: int, draft_id: int) -> ReceiptDraft:
    draft = receipt_store.own_draft(request.access, device_id, draft_id)
    if draft is None:
        raise Http404
    return draft


def _context(
    request: DeviceRequest, draft: ReceiptDraft, harm: Harm, progress: receipt_builder.Progress
) -> dict[str, Any]:
    filled = receipt_store.filled_of(draft)
    name = shorten(filled.pop("name"), 60)
    done, of = progress.pages
    context: dict[str, Any] = {
        "device_id": draft.device_id,
        "device_name": name,
        "harm": harm,
        "title": str(harm.before_title) % {"name": name},
        "page_url": _page_url(draft),
        "poll_url": _page_url(draft) + query_string(**{POLL: True}),
        "pages_read": done,
        "pages_known": max(of, done),
        "parts": [(PARTS[part], _part_words(progress.parts[part])) for part in PARTS],
        "ready": progress.finished,
        "wait": math.ceil(progress.wait),
        "goes_on_at": clock_for(request).later(math.ceil(progress.wait)),
    }
    if progress.finished:
        body = receipt_store.document_of(draft)
        missing = progress.missing
        context |= {
            "file_url": reverse("devices:device-receipt-file", args=[draft.device_id, draft.pk]),
            "size": filesizeformat(len(body.encode())),
            "digest": receipt_builder.hash_of(body),
            "missing": [missing_words(part, told) for part, told in missing.items()],
            "filled": filled | {"told": ",".join(sorted(missing))},
            "action": reverse(harm.url, args=[draft.device_id]),
            "submit": str(harm.now) % {"name": shorten(name, 40)},
            "keep_days": settings.AUDIT_KEEP_DAYS,
        }
    return context


def _part_words(part: receipt_builder.Part) -> str:
    """How far one part is."""
    if part.done and part.why:
        return _("not complete")
    if part.done:
        return _("read")
    if part.total:
        return _("%(n)s of %(total)s entries") % {"n": number(part.items), "total": number(part.total)}
    return _("waiting") if not part.items else _("%s entries") % number(part.items)
