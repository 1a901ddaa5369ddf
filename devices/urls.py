"""Addresses of the app. They are part of its interface: people paste them into tickets."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, register_converter

from devices.audit import device_changes
from devices.changes.writes import undo
from devices.core.converters import Int32Converter, Int64Converter
from devices.device_page import overview, timeline
from devices.device_page import tabs as tab_views
from devices.directory import views as directory_views
from devices.lists import connectivity, people, recent, search
from devices.preferences import views as preference_views
from devices.receipts import views as receipt_views
from devices.ui.tabs import TABS

app_name = "devices"

register_converter(Int32Converter, "int32")
register_converter(Int64Converter, "int64")

urlpatterns = [
    path("", search.device_list, name="device-list"),
    path("by-owner/", people.device_by_owner, name="device-by-owner"),
    path("by-user/", people.device_by_user, name="device-by-user"),
    path("recent/", recent.device_recent, name="device-recent"),
    # What a list can be asked for, and how it is shown
    path("online/", connectivity.device_check, name="device-check"),
    path("columns/", preference_views.device_columns, name="device-columns"),
    # Matches while somebody types
    path("pick/user/", directory_views.pick_user, name="pick-user"),
    path("pick/organization/", directory_views.pick_organization, name="pick-organization"),
    # One device: overview, and a tab each
    path("<int32:device_id>/", overview.device_detail, name="device-detail"),
    path("<int32:device_id>/online/", overview.device_online, name="device-online"),
    path("<int32:device_id>/timeline/", timeline.device_timeline, name="device-timeline"),
    path("<int32:device_id>/timeline/chart/", timeline.device_timeline_chart, name="device-timeline-chart"),
    path("<int32:device_id>/logs/", tab_views.device_logs, name="device-logs"),
    path("<int32:device_id>/metafields/", tab_views.device_metafields, name="device-metafields"),
    path("<int32:device_id>/changes/", device_changes.device_changes, name="device-changes"),
    *[
        path(f"<int32:device_id>/{tab.name}/", tab_views.device_tab, {"tab": tab}, name=f"device-{tab.name}")
        for tab in TABS
        if tab.show
    ],
    path("", include("devices.changes.urls")),
]
audit_urls: tuple[list[URLPattern | URLResolver], str] = (
    [
        path("", include("devices.audit.urls")),
        path("<int:entry_id>/undo/", undo.undo, name="undo"),
        path("<int:entry_id>/receipt.json", receipt_views.entry_receipt, name="receipt"),
    ],
    "audit",
)
"""Below an address of their own."""
