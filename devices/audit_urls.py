"""Addresses of the trail of changes."""

from __future__ import annotations

from django.urls import path

from devices.views import audit, audit_entry, receipts, undoing

app_name = "audit"

urlpatterns = [
    path("", audit.audit_list, name="list"),
    path("export.csv", audit.audit_export, name="export"),
    path("<int:entry_id>/", audit_entry.entry_page, name="entry"),
    path("<int:entry_id>/undo/", undoing.undo, name="undo"),
    path("<int:entry_id>/receipt.json", receipts.entry_receipt, name="receipt"),
]
