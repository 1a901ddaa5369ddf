"""Every path of the sandbox, with a view for each method it takes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sandbox import oauth
from sandbox.calls import Answer, answer, route
from sandbox.views import changes, control, devices, directory, history

handler404 = "sandbox.calls.not_found"
handler500 = "sandbox.calls.broken"

ORGANIZATION: dict[str, Answer] = {
    "devices": route(GET=devices.device_list),
    "search/devices": route(GET=devices.device_search),
    "device": route(GET=devices.device_details, PUT=devices.device_rename, DELETE=changes.device_delete),
    "device/baseInfo": route(GET=devices.device_base_info),
    "device/online": route(GET=devices.device_online),
    "device/tags": route(GET=history.device_tags),
    "device/timeline": route(GET=history.device_timeline),
    "device/logs": route(GET=history.device_logs),
    "device/by-owner": route(GET=devices.device_by_owner),
    "device/by-user-org": route(GET=devices.device_by_user_org),
    "device/last-activated": route(GET=devices.device_last_activated),
    "device/metafield": route(GET=history.metafield_list, POST=history.metafield_set),
    "device/create": route(POST=changes.device_create),
    "device/transfer/to-owner": route(POST=changes.transfer_to_owner),
    "device/transfer/to-organization": route(POST=changes.transfer_to_organization),
    "device/owner": route(DELETE=changes.remove_owner),
    "device/clear": route(DELETE=changes.device_clear),
    "device/trigger-event": route(POST=changes.trigger_event),
    "user/profile": route(GET=directory.user_profile),
    "profile": route(GET=directory.own_organization),
    "search": route(GET=directory.organization_search),
    "sub-organizations": route(GET=directory.sub_organizations),
    "users": route(GET=directory.user_list),
    "search/users": route(GET=directory.user_search),
    "user": route(GET=directory.user_details),
    "templates": route(GET=directory.template_list),
    "template": route(GET=directory.template_details),
    "template/events": route(GET=directory.template_events),
    "template/metafields": route(GET=directory.template_metafields),
    "template/datastreams": route(GET=directory.template_datastreams),
}


def about(request: HttpRequest) -> HttpResponse:
    """For whoever opens the address in a browser."""
    paths = [f"/api/v1/organization/{name}" for name in ORGANIZATION]
    return answer({"about": "The sandbox of the Platform API: sample data, nothing real.", "paths": paths})


urlpatterns = [
    path("", route(GET=about)),
    path("oauth2/token", route(POST=oauth.token)),
    path("api/v1/organization", route(GET=directory.organization)),
    *[path(f"api/v1/organization/{name}", view) for name, view in ORGANIZATION.items()],
    path("_sandbox/reset", route(POST=control.reset)),
    path("_sandbox/requests", route(GET=control.request_list, DELETE=control.request_clear)),
    path("_sandbox/expire-tokens", route(POST=control.expire_tokens)),
    path("_sandbox/faults", route(GET=control.fault_list, POST=control.fault_add, DELETE=control.fault_clear)),
    path("_sandbox/switches", route(GET=control.switch_list, POST=control.switch_turn, DELETE=control.switch_restore)),
]
