"""URLs of the audit."""

from __future__ import annotations

from django.urls import path

from devices.audit import entry_views as audit_entry_views
from devices.audit import views as audit_views

urlpatterns = [
    path("", audit_views.audit_list, name="list"),
    path("export.csv", audit_views.audit_export, name="export"),
    path("<int:entry_id>/", audit_entry_views.entry_page, name="entry"),
]
