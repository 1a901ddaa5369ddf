"""URLs of the sandbox. The API's paths come from PATHS in sandbox/views/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sandbox import oauth
from sandbox.calls import Paths, answer, route
from sandbox.views import changes, control, devices, directory, history

handler404 = "sandbox.calls.not_found"
handler500 = "sandbox.calls.broken"

ORGANIZATION: Paths = {}
"""Path below the common prefix -> views by method. Some paths have views in two modules."""
for module in (devices, history, changes, directory):
    for name, views in module.PATHS.items():
        ORGANIZATION.setdefault(name, {}).update(views)


def about(request: HttpRequest) -> HttpResponse:
    """For people who open the address in a browser."""
    paths = [f"/api/v1/organization/{name}" for name in ORGANIZATION]
    return answer({"about": "The sandbox of the Platform API, with sample data only.", "paths": paths})


urlpatterns = [
    path("", route(GET=about)),
    path("oauth2/token", route(POST=oauth.token)),
    path("api/v1/organization", route(GET=directory.organization)),
    *[path(f"api/v1/organization/{name}", route(**views)) for name, views in ORGANIZATION.items()],
    path("_sandbox/reset", route(POST=control.reset)),
    path("_sandbox/requests", route(GET=control.request_list, DELETE=control.request_clear)),
    path("_sandbox/expire-tokens", route(POST=control.expire_tokens)),
    path("_sandbox/faults", route(GET=control.fault_list, POST=control.fault_add, DELETE=control.fault_clear)),
    path("_sandbox/switches", route(GET=control.switch_list, POST=control.switch_turn, DELETE=control.switch_restore)),
]
