"""Every path of the sandbox, with a view for each method it takes: those of the API from PATHS of sandbox/views/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sandbox import oauth
from sandbox.calls import Paths, answer, route
from sandbox.views import changes, control, devices, directory, history

handler404 = "sandbox.calls.not_found"
handler500 = "sandbox.calls.broken"

ORGANIZATION: Paths = {}
"""Path below the common one -> its views by method. Each room of views has its own; some paths are in two."""
for room in (devices, history, changes, directory):
    for name, views in room.PATHS.items():
        ORGANIZATION.setdefault(name, {}).update(views)


def about(request: HttpRequest) -> HttpResponse:
    """For whoever opens the address in a browser."""
    paths = [f"/api/v1/organization/{name}" for name in ORGANIZATION]
    return answer({"about": "The sandbox of the Platform API: sample data, nothing real.", "paths": paths})


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
