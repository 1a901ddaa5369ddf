"""The receipt before a deletion or an erasure: collected with the form, or page by page where that takes long."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from devices.audit import log as audit_log
from devices.changes.pipeline import operation_of
from devices.changes.writes.deletion_pages import DESTRUCTIVE, ConfirmForm
from devices.core.formatting import name_of, number
from devices.core.requests import POLL, DeviceRequest, clock_for, require
from devices.core.responses import answer, query_string, redirect_to
from devices.core.text import shorten
from devices.gateway.resilience.limits import PlatformStatus
from devices.gateway.types import BaseInfo
from devices.receipts import builder as receipt_builder
from devices.receipts import store as receipt_store
from devices.receipts.display import PART_LABELS, missing_part_text
from devices.receipts.download import receipt_download
from devices.receipts.models import ReceiptDraft

WITH_FORM = 4.0
"""Seconds that the submission of the form may spend on collecting: what fits needs no second press."""
PER_POLL = 1.5
"""Seconds that each poll of the progress page spends on it."""
FIELDS = ("idempotency_key", "expected_version", "reason", "confirm", "gaps")


class Collected(NamedTuple):
    """What was collected. `page_url`: where it goes on, or waits for the last press; empty if it is complete."""

    progress: receipt_builder.ReceiptProgress
    body: str = ""
    draft: ReceiptDraft | None = None
    page_url: str = ""

    def follow(self, request: DeviceRequest, form: ConfirmForm) -> None:
        """Nothing was done: the form that is shown again finds what was collected."""
        if self.draft:
            idempotency_key = form.data.get("idempotency_key", "")
            receipt_store.rekey_draft(
                self.draft, _key(request, self.progress.operation, self.progress.device_id, idempotency_key)
            )


def collect(request: DeviceRequest, operation: str, info: BaseInfo, form: ConfirmForm) -> Collected:
    """Read as much as fits into the time of this request; after an earlier submission of the form, the rest.

    What failed before is tried again, unless the person goes on without it. Raises NotFound and Unauthorized.
    """
    form.cleaned_data["idempotency_key"] = form.cleaned_data["idempotency_key"] or audit_log.new_idempotency_key()
    filled = {name: form.cleaned_data[name] for name in FIELDS} | {"name": name_of(info)}
    key = _key(request, operation, info.id, filled["idempotency_key"])
    draft = receipt_store.find_draft(key)
    began = time.monotonic()
    if draft is None:
        progress, chunks = receipt_builder.start(request.access, operation, info)
        chunks += receipt_builder.collect(request.gateway, progress, WITH_FORM)
        slow = time.monotonic() - began > WITH_FORM
        body = receipt_builder.build_document(progress, chunks) if progress.finished else ""
        if not body or slow or not form.agrees_to(progress.missing):
            draft = receipt_store.create_draft(request.access, key, filled, progress, chunks)
    else:
        with receipt_store.collection_lease(draft) as mine:
            progress = receipt_store.draft_progress(draft)
            if mine and not form.cleaned_data["without"]:
                receipt_builder.retry_failed(progress)
            chunks = receipt_builder.collect(request.gateway, progress, WITH_FORM) if mine else []
            receipt_store.save_progress(draft, progress, chunks, filled)
        slow = bool(chunks) and time.monotonic() - began > WITH_FORM
        body = receipt_store.draft_document(draft) if progress.finished else ""
    # Slow: too little of this request's time may be left to send the change and verify it.
    return Collected(progress, body, draft, _page_url(draft) if draft and (slow or not body) else "")


def _key(request: DeviceRequest, operation: str, device_id: int, idempotency_key: str) -> str:
    return receipt_store.draft_key(request.access, operation, device_id, idempotency_key)


def _page_url(draft: ReceiptDraft) -> str:
    return reverse("devices:device-receipt", args=[draft.device_id, draft.pk])


def forget(request: DeviceRequest, operation: str, device_id: int) -> None:
    """The change was made: what was collected for this form is stored as its receipt."""
    draft = receipt_store.find_draft(_key(request, operation, device_id, request.POST.get("idempotency_key", "")))
    if draft is not None:
        draft.delete()


@require_http_methods(["GET", "HEAD", "POST"])
def device_receipt(request: DeviceRequest, device_id: int, draft_id: int) -> HttpResponse:
    """The progress page. Each poll collects more; when all is there, its form sends the change. POST cancels."""
    draft = _draft(request, device_id, draft_id)
    progress = receipt_store.draft_progress(draft)
    require(request, progress.operation)
    if request.method == "POST":
        draft.delete()
        messages.info(request, _("Cancelled. Nothing was changed; the partial receipt was discarded."))
        return redirect_to(request, reverse("devices:device-detail", args=[device_id]))
    if not progress.finished:
        with receipt_store.collection_lease(draft) as mine:
            progress = receipt_store.draft_progress(draft)
            if mine:
                receipt_store.save_progress(
                    draft, progress, receipt_builder.collect(request.gateway, progress, PER_POLL)
                )
    context = _context(request, draft, progress)
    if context["wait"] and not progress.finished:
        request.platform_status = PlatformStatus()  # this page says it itself, without a banner
    return answer(request, "changes/receipt_progress.html", "changes/_receipt_progress.html", context)


@require_safe
def device_receipt_file(request: DeviceRequest, device_id: int, draft_id: int) -> HttpResponseBase:
    """The receipt before the change: the very file that will be kept."""
    draft = _draft(request, device_id, draft_id)
    if not receipt_store.draft_progress(draft).finished:
        raise Http404
    return receipt_download(request, receipt_store.draft_document(draft), device_id)


def _draft(request: DeviceRequest, device_id: int, draft_id: int) -> ReceiptDraft:
    draft = receipt_store.find_own_draft(request.access, device_id, draft_id)
    if draft is None:
        raise Http404
    return draft


def _context(request: DeviceRequest, draft: ReceiptDraft, progress: receipt_builder.ReceiptProgress) -> dict[str, Any]:
    kind, action = operation_of(progress.operation), DESTRUCTIVE[progress.operation]
    filled = receipt_store.draft_form_data(draft)
    name = shorten(filled.pop("name"), 60)
    done, of = progress.pages
    context: dict[str, Any] = {
        "device_id": draft.device_id,
        "device_name": name,
        "kind": kind,
        "words": action,
        "title": str(action.before_title) % {"name": name},
        "page_url": _page_url(draft),
        "poll_url": _page_url(draft) + query_string(**{POLL: True}),
        "pages_read": done,
        "pages_known": max(of, done),
        "parts": [(PART_LABELS[part], _part_words(progress.parts[part])) for part in PART_LABELS],
        "ready": progress.finished,
        "wait": math.ceil(progress.wait),
        "goes_on_at": clock_for(request).later(math.ceil(progress.wait)),
    }
    if progress.finished:
        body = receipt_store.draft_document(draft)
        missing = progress.missing
        context |= {
            "file_url": reverse("devices:device-receipt-file", args=[draft.device_id, draft.pk]),
            "size": filesizeformat(len(body.encode())),
            "digest": receipt_builder.sha256_hex(body),
            "missing": [missing_part_text(part, reason) for part, reason in missing.items()],
            "filled": filled | {"gaps": ",".join(sorted(missing))},
            "action": reverse(kind.url_name, args=[draft.device_id]),
            "submit": str(action.now) % {"name": shorten(name, 40)},
        }
    return context


def _part_words(part: receipt_builder.ReceiptPart) -> str:
    """How far one part is."""
    if part.done and part.reason:
        return _("not complete")
    if part.done:
        return _("read")
    if part.total:
        return _("%(n)s of %(total)s entries") % {"n": number(part.items), "total": number(part.total)}
    return _("waiting") if not part.items else _("%s entries") % number(part.items)
