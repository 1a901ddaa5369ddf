"""The response that downloads a receipt."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from devices.core.requests import DeviceRequest
from devices.receipts import builder as receipt_builder


def receipt_download(request: DeviceRequest, body: str, device_id: int) -> HttpResponseBase:
    """A receipt as an attachment; 304 if the browser already has it."""
    digest = receipt_builder.sha256_hex(body)
    response = HttpResponse(body, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="receipt-device-{device_id}-{digest[:8]}.json"'
    response["ETag"] = f'"{digest}"'
    return get_conditional_response(request, etag=response["ETag"], response=response) or response
