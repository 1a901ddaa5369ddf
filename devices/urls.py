"""Addresses of the app. They are part of its interface: people paste them into tickets."""

from __future__ import annotations

from django.urls import path, register_converter

from devices.audit import device_changes
from devices.changes import create, deletion, deletion_receipt, event, metafield, remove_owner, rename, transfer
from devices.core import api_rules
from devices.device_page import overview, timeline
from devices.device_page import tabs as tab_views
from devices.directory import views as directory_views
from devices.lists import connectivity, people, recent, search
from devices.preferences import views as preference_views
from devices.ui.tabs import TABS

app_name = "devices"


class Int32Converter:
    """Ids as the API has them. A larger number is no device, so it is a 404 here and no call is spent on it."""

    regex = "[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number <= api_rules.INT32_MAX:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Int32Converter, "int32")

urlpatterns = [
    path("", search.device_list, name="device-list"),
    path("by-owner/", people.device_by_owner, name="device-by-owner"),
    path("by-user/", people.device_by_user, name="device-by-user"),
    path("recent/", recent.device_recent, name="device-recent"),
    path("new/", create.device_new, name="device-new"),
    # What a list can be asked for, and how it stands
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
    path("<int32:device_id>/metafields/<int32:metafield_id>/", metafield.device_metafield, name="device-metafield"),
    path("<int32:device_id>/changes/", device_changes.device_changes, name="device-changes"),
    *[
        path(f"<int32:device_id>/{tab.name}/", tab_views.device_tab, {"tab": tab}, name=f"device-{tab.name}")
        for tab in TABS
        if tab.show
    ],
    # Changes
    path("<int32:device_id>/rename/", rename.device_rename, name="device-rename"),
    path("<int32:device_id>/transfer-to-owner/", transfer.device_transfer_to_owner, name="device-transfer-to-owner"),
    path(
        "<int32:device_id>/transfer-to-organization/",
        transfer.device_transfer_to_organization,
        name="device-transfer-to-organization",
    ),
    path("<int32:device_id>/remove-owner/", remove_owner.device_remove_owner, name="device-remove-owner"),
    path("<int32:device_id>/trigger-event/", event.device_trigger_event, name="device-trigger-event"),
    path("<int32:device_id>/reveal-token/", event.device_reveal_token, name="device-reveal-token"),
    path("<int32:device_id>/clear/", deletion.device_clear, name="device-clear"),
    path("<int32:device_id>/delete/", deletion.device_delete, name="device-delete"),
    # The receipt that both of them wait for
    path("<int32:device_id>/receipt/<int:draft_id>/", deletion_receipt.device_receipt, name="device-receipt"),
    path(
        "<int32:device_id>/receipt/<int:draft_id>/receipt.json",
        deletion_receipt.device_receipt_file,
        name="device-receipt-file",
    ),
]
