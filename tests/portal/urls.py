"""The portal's addresses, and views that fail in every way a view can."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from devices.core.permissions import PORTAL_AUDIT
from devices.core.requests import DeviceRequest, require_right
from devices.gateway import errors
from portal.urls import *  # noqa: F403
from portal.urls import urlpatterns

CANARY = "<b>upstream words</b>"


def fail(request: HttpRequest, kind: str, sent: str = "sent") -> HttpResponse:
    """Raise the gateway error of that name, as a view does that leaves it to the middleware."""
    operation = request.GET.get("operation", "get_device")
    raise getattr(errors, kind)(
        operation=operation,
        api_status=500,
        api_message=CANARY,
        retry_after=float(request.GET["after"]) if "after" in request.GET else None,
        sent=sent == "sent",
    )


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(CANARY)


def refuse(request: HttpRequest, kind: str) -> HttpResponse:
    raise {"missing": Http404, "denied": PermissionDenied, "odd": SuspiciousOperation}[kind](CANARY)


def interrupted(request: HttpRequest) -> HttpResponse:
    """Writes to a session that is signed out elsewhere while the view runs."""
    request.session["note"] = "late"
    Session.objects.all().delete()
    return HttpResponse("done")


def ask(request: DeviceRequest) -> HttpResponse:
    """One call to the platform."""
    return HttpResponse(request.gateway.get_own_organization().name)


def page(request: DeviceRequest) -> HttpResponse:
    """No call at all."""
    return HttpResponse(f"{request.access.email} {request.access.scope} {request.request_id}")


def right(request: DeviceRequest) -> HttpResponse:
    """For those who hold a right of the portal's own."""
    require_right(request, PORTAL_AUDIT)
    return HttpResponse("audit")


urlpatterns = [
    *urlpatterns,
    path("fail/<str:kind>/", fail),
    path("fail/<str:kind>/<str:sent>/", fail),
    path("refuse/<str:kind>/", refuse),
    path("crash/", crash),
    path("interrupted/", interrupted),
    path("ask/", ask),
    path("look/", page),
    path("right/", right),
    path("post-only/", require_POST(page)),
    path("read-only/", require_safe(page)),
]
