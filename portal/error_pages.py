"""Error responses: a page, or a fragment for htmx, each with its true status and a next step."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from devices.audit import log as audit_log
from devices.core.permissions import ABOUT_ONE_DEVICE, RULES, judge
from devices.core.requests import READ_METHODS, Denied, DeviceRequest, RightMissing, clock_for, wants_partial
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Rejected
from devices.gateway.required_permissions import PermissionRule
from devices.ui.read_errors import advice, is_panel_local, with_retry_after
from devices.ui.status_banner import status_banner
from portal.auth import drafts
from portal.auth.auth_responses import retarget_banner

log = logging.getLogger(__name__)

PAGES: tuple[tuple[type[GatewayError], str], ...] = (
    (NotFound, "errors/not_found.html"),
    (Forbidden, "errors/forbidden.html"),
    (RateLimited, "errors/rate_limited.html"),
    (Rejected, "errors/rejected.html"),
    (GatewayError, "errors/unavailable.html"),
)
NO_RETRY = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED})
"""A retry gives the same status."""
READ_PREFIXES = ("get_", "list_", "search_", "reveal_")
"""Names of gateway methods that change nothing begin like this."""


def platform_error(request: DeviceRequest, error: GatewayError, *, form_url: str = "") -> HttpResponse:
    """For an error that no view handled, without the platform's own text. `form_url`: a form saved as a draft."""
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s, request %s, %s %s", error, request.request_id, request.method, request.path)
    page = next(page for kind, page in PAGES if isinstance(error, kind))
    context: dict[str, Any] = {"sentence": _(error.sentence), "effect": _effect(request, error)}
    if form_url:
        context |= {"form_url": form_url, "effect": f"{context['effect']} {_draft_saved()}"}
    if isinstance(error, Forbidden):
        context["denied"] = _denied(request, error)
    if isinstance(error, NotFound):
        context["changes_url"] = _changes_url(request)
    if is_panel_local(error):
        context["without_banner"] = True  # the whole page is the reason
        context["advice"] = advice(error) if request.method in READ_METHODS else ""
        context["ours"] = isinstance(error, RateLimited) and error.ours
        context["wait"] = math.ceil(error.retry_after or 0)
        context["until"] = clock_for(request).later(context["wait"]) if hasattr(request, "access") else ""
    return with_retry_after(_answer(request, page, context, error.status), error)


def append_banner(request: DeviceRequest, response: HttpResponseBase) -> None:
    """Add the platform's banner, if there is one, to a fragment, as an out-of-band swap."""
    if not (hasattr(request, "gateway") and isinstance(response, HttpResponse) and response.content):
        return
    if not wants_partial(request) or not response["Content-Type"].startswith("text/html"):
        return
    if banner := status_banner(request):
        response.content += render_to_string("ui/_status_banner.html", {"banner": banner, "partial": True}).encode()


def _changes_url(request: DeviceRequest) -> str:
    """The audit entries of a device that is not found, if there are any that this person may read."""
    device_id = request.resolver_match.kwargs.get("device_id") if request.resolver_match else None
    if device_id is None:
        return ""
    found = audit_log.filter_by_device(audit_log.visible_entries(request.access), device_id).exists()
    return reverse("devices:device-changes", args=[device_id]) if found else ""


def _effect(request: HttpRequest, error: GatewayError) -> str:
    """Whether anything was changed: a POST reads first, and views handle failed reads after the change."""
    is_read = request.method in READ_METHODS or error.operation.startswith(READ_PREFIXES)
    if is_read or not error.sent or error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Nothing was changed.")
    return _("It is not known whether the change was made. Open the page again and check before you repeat it.")


def _draft_saved() -> str:
    return _("What you had typed is kept for an hour: the form opens filled in with it.")


def _denied(request: DeviceRequest, error: Forbidden) -> dict[str, Any]:
    """Which permissions are missing, why, and a message for the administrator who can grant them."""
    if isinstance(error, RightMissing):
        return _right_missing(request, error)
    access = request.access
    verdict = error.verdict if isinstance(error, Denied) else judge(error.operation, access)
    if verdict.allowed and error.operation in ABOUT_ONE_DEVICE:
        # The platform refused nevertheless. For a person who sees only their own devices, this device belongs to
        # somebody else. Whom else the call concerned is not known here, so this does not guess.
        verdict = judge(error.operation, access, owner_id=0)
    names = verdict.missing or RULES.get(error.operation, PermissionRule()).names
    needed = _("Permissions needed: %(names)s") % {"names": ", ".join(names)} if names else ""
    return {
        "role": access.role_name,
        "names": names,
        "missing": bool(verdict.missing),
        "why": verdict.why,
        "letter": _letter(request, _("Please check my access to the platform."), needed),
    }


def _right_missing(request: DeviceRequest, error: RightMissing) -> dict[str, Any]:
    """The portal's own right, which its settings grant by role; the platform cannot grant it."""
    right = ", ".join(error.verdict.missing)
    needed = _("Right needed: %(right)s (settings ACCESS_ROLES, ACCESS_GROUPS)") % {"right": right}
    letter = _letter(request, _("Please check my rights in the device portal."), needed)
    return {"role": request.access.role_name, "right": right, "letter": letter}


def _letter(request: DeviceRequest, asks: str, needed: str) -> str:
    access = request.access
    lines = [
        asks,
        _("Person: %(email)s") % {"email": access.email},
        _("Role: %(role)s") % {"role": access.role_name},
        _("Organization: %(org)s") % {"org": access.org_name},
        _("Page: %(url)s") % {"url": request.build_absolute_uri(request.path)},
        needed,
    ]
    return "\n".join(line for line in lines if line)


def _answer(request: HttpRequest, page: str, context: dict[str, Any], status: int) -> HttpResponse:
    """`retry_url` is set for reads only: a link never repeats a write."""
    partial = wants_partial(request)
    context |= {
        "request_id": getattr(request, "request_id", ""),
        "retry_url": request.get_full_path() if request.method in READ_METHODS and status not in NO_RETRY else "",
        "partial": partial,
    }
    return render(request, "errors/_fragment.html" if partial else page, context, status=status)


def _plain(request: HttpRequest, sentence: str, status: int, effect: str = "") -> HttpResponse:
    effect = effect or _("Nothing was changed.")
    return _answer(request, "errors/plain.html", {"sentence": sentence, "effect": effect}, status)


# --- Django's own handlers --------------------------------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _plain(request, _("The portal cannot read this request."), HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _plain(request, _("You may not do this."), HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    context = {"sentence": _("There is no page with this address."), "no_page": True}
    return _answer(request, "errors/not_found.html", context, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of the portal. Uses no database; plain text if even the page fails."""
    request_id = getattr(request, "request_id", "")
    effect = _("The error is in its log. The portal’s administrator can find it by the request number.")
    try:
        return _plain(request, _("The portal has made a mistake."), HTTPStatus.INTERNAL_SERVER_ERROR, effect)
    except Exception:
        log.exception("the error page itself failed, request %s", request_id)
        return HttpResponseServerError(
            f"The portal has made a mistake. Request {request_id}", content_type="text/plain"
        )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Usually the form was opened before the last sign-in, which changed the token."""
    if wants_partial(request):
        return retarget_banner(render(request, "auth/_stale_banner.html", status=HTTPStatus.FORBIDDEN))
    if hasattr(request, "access") and drafts.save(request):
        context = {
            "sentence": _("This form is no longer valid."),
            "effect": f"{_('It is from an earlier sign-in, so nothing was sent.')} {_draft_saved()}",
            "form_url": request.path,
        }
        return _answer(request, "errors/plain.html", context, HTTPStatus.FORBIDDEN)
    effect = _("Nothing was changed. Reload the page and send the form again; if this goes on, allow cookies.")
    return _plain(request, _("This form is no longer valid."), HTTPStatus.FORBIDDEN, effect)


def cross_site_request(request: HttpRequest) -> HttpResponse:
    effect = _("Nothing was changed. The portal accepts changes only from its own pages.")
    return _plain(request, _("This request came from another site."), HTTPStatus.FORBIDDEN, effect)


def method_not_allowed(request: HttpRequest, refused: HttpResponseBase) -> HttpResponse:
    response = _plain(request, _("This address cannot be used in this way."), HTTPStatus.METHOD_NOT_ALLOWED)
    response["Allow"] = refused.headers["Allow"]
    return response
