"""Downloading the receipt of a change."""

from __future__ import annotations

from django.http import Http404
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.core.requests import DeviceRequest
from devices.receipts.download import receipt_download
from devices.receipts.models import Receipt


@require_safe
def entry_receipt(request: DeviceRequest, entry_id: int) -> HttpResponseBase:
    """The receipt of an entry, for everybody who may read the entry."""
    entry = audit_log.visible_entries(request.access).filter(pk=entry_id).exclude(receipt_hash="").first()
    receipt = Receipt.objects.filter(sha256=entry.receipt_hash).first() if entry else None
    if receipt is None:
        raise Http404
    return receipt_download(request, receipt.body, receipt.device_id)
