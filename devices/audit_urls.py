"""Addresses of the trail of changes."""

from __future__ import annotations

from django.urls import path

from devices.views import audit, receipts

app_name = "audit"

urlpatterns = [
    path("<int:entry_id>/", audit.entry_page, name="entry"),
    path("<int:entry_id>/undo/", audit.entry_page, name="undo"),
    path("<int:entry_id>/receipt.json", receipts.entry_receipt, name="receipt"),
]
