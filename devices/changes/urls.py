"""Addresses of the changes: each kind's own, and the receipt that a deletion waits for."""

from __future__ import annotations

from django.urls import path

from devices.changes.kinds import kinds
from devices.changes.pipeline import change_view
from devices.changes.writes import create, deletion_receipt

urlpatterns = [
    path("new/", create.device_new, name="device-new"),
    *[
        path(f"<int32:device_id>/{kind.path}", change_view, {"kind": kind}, name=f"device-{kind.name}")
        for kind in kinds()
        if kind.about_device
    ],
    path("<int32:device_id>/receipt/<int:draft_id>/", deletion_receipt.device_receipt, name="device-receipt"),
    path(
        "<int32:device_id>/receipt/<int:draft_id>/receipt.json",
        deletion_receipt.device_receipt_file,
        name="device-receipt-file",
    ),
]
