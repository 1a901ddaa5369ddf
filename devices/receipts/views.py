"""Downloading the receipt of a change."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.core.requests import DeviceRequest
from devices.receipts import builder as receipt_builder
from devices.receipts.models import Receipt


@require_safe
def entry_receipt(request: DeviceRequest, entry_id: int) -> HttpResponseBase:
    """The receipt of an entry, for everybody who may read the entry."""
    entry = audit_log.visible_entries(request.access).filter(pk=entry_id).exclude(receipt_hash="").first()
    receipt = Receipt.objects.filter(sha256=entry.receipt_hash).first() if entry else None
    if receipt is None:
        raise Http404
    return receipt_download(request, receipt.body, receipt.device_id)


def receipt_download(request: DeviceRequest, body: str, device_id: int) -> HttpResponseBase:
    """A receipt as an attachment; 304 if the browser already has it."""
    digest = receipt_builder.sha256_hex(body)
    response = HttpResponse(body, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="receipt-device-{device_id}-{digest[:8]}.json"'
    response["ETag"] = f'"{digest}"'
    return get_conditional_response(request, etag=response["ETag"], response=response) or response
