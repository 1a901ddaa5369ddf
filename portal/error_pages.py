"""Errors as answers: a page, or a fragment for htmx, each with its true status and a next step."""

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
from devices.core.requests import Denied, DeviceRequest, RightMissing, clock_for, wants_partial
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
READS = ("GET", "HEAD")
IN_VAIN = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED})
"""Answers that do not change however often one asks."""
READINGS = ("get_", "list_", "search_", "reveal_")
"""How the names of gateway methods begin that change nothing."""


def platform_error(request: DeviceRequest, error: GatewayError, *, form_url: str = "") -> HttpResponse:
    """The answer to whatever a view did not handle itself. The platform's own text is not shown, only its kind.

    `form_url`: where what was typed is kept.
    """
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s, request %s, %s %s", error, request.request_id, request.method, request.path)
    page = next(page for kind, page in PAGES if isinstance(error, kind))
    context: dict[str, Any] = {"sentence": _(error.sentence), "effect": _effect(request, error)}
    if form_url:
        context |= {"form_url": form_url, "effect": f"{context['effect']} {_kept()}"}
    if isinstance(error, Forbidden):
        context["denied"] = (
            _right_missing(request, error) if isinstance(error, RightMissing) else _denied(request, error)
        )
    if isinstance(error, NotFound):
        context["changes_url"] = _changes_url(request)
    if is_panel_local(error):
        context["tells_itself"] = True  # no banner above it that says the same
        context["advice"] = advice(error) if request.method in READS else ""
        context["ours"] = isinstance(error, RateLimited) and error.ours
        context["wait"] = math.ceil(error.retry_after or 0)
        context["until"] = clock_for(request).later(context["wait"]) if hasattr(request, "access") else ""
    return with_retry_after(_answer(request, page, context, error.status), error)


def tell_beside(request: DeviceRequest, response: HttpResponseBase) -> None:
    """To a piece that htmx asked for, add the page's banner about the platform, where there is one."""
    if not (hasattr(request, "gateway") and isinstance(response, HttpResponse) and response.content):
        return
    if not wants_partial(request) or not response["Content-Type"].startswith("text/html"):
        return
    banner = status_banner(request)
    if banner or getattr(request, "tells_itself", False):  # then the piece tells it, and an older banner goes
        response.content += render_to_string("components/_platform.html", {"told": banner, "beside": True}).encode()


def _changes_url(request: DeviceRequest) -> str:
    """Where the trail tells of a device that is not found, if it tells this person anything."""
    device_id = request.resolver_match.kwargs.get("device_id") if request.resolver_match else None
    if (
        device_id is None
        or not audit_log.filter_by_device(audit_log.visible_entries(request.access), device_id).exists()
    ):
        return ""
    return reverse("devices:device-changes", args=[device_id])


def _effect(request: HttpRequest, error: GatewayError) -> str:
    """Whether anything was changed, as far as we know.

    A POST reads before it changes anything, and views keep what a reading afterwards raises to themselves: where a
    reading failed, no change was sent.
    """
    reading = request.method in READS or error.operation.startswith(READINGS)
    if reading or not error.sent or error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Nothing was changed.")
    return _("It is not known whether the change was made. Open the page again and look before you repeat it.")


def _kept() -> str:
    return _("What you had typed is kept for an hour: the form opens filled in with it.")


def _denied(request: DeviceRequest, error: Forbidden) -> dict[str, Any]:
    """Which permissions are missing, why, and a text for whoever can grant them."""
    access = request.access
    verdict = error.verdict if isinstance(error, Denied) else judge(error.operation, access)
    if verdict.allowed and error.operation in ABOUT_ONE_DEVICE:
        # The platform refused all the same: to somebody who sees only their own devices, this one is another's. Whom
        # else a call concerned is not known here, so nothing is guessed about that.
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
    """The portal's own right, which its settings give by role: nobody at the platform can help."""
    right = ", ".join(error.verdict.missing)
    return {
        "role": request.access.role_name,
        "right": right,
        "letter": _letter(
            request,
            _("Please check my rights in the device portal."),
            _("Right needed: %(right)s (settings ACCESS_ROLES, ACCESS_GROUPS)") % {"right": right},
        ),
    }


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
    """`retry_url` is set for reads only: repeating a write is never a link. Nor is what is in vain."""
    partial = wants_partial(request)
    context |= {
        "request_id": getattr(request, "request_id", ""),
        "retry_url": request.get_full_path() if request.method in READS and status not in IN_VAIN else "",
        "partial": partial,
    }
    return render(request, "errors/_fragment.html" if partial else page, context, status=status)


# --- Django's own handlers --------------------------------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    context = {"sentence": _("The portal cannot read this request."), "effect": _("Nothing was changed.")}
    return _answer(request, "errors/plain.html", context, HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    context = {"sentence": _("You may not do this."), "effect": _("Nothing was changed.")}
    return _answer(request, "errors/plain.html", context, HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    context = {"sentence": _("There is no page with this address."), "no_page": True}
    return _answer(request, "errors/not_found.html", context, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of our own. Asks no database; if even the page fails, words alone have to do."""
    request_id = getattr(request, "request_id", "")
    context = {
        "sentence": _("The portal has made a mistake."),
        "effect": _("It is written down in its log. Whoever looks after the portal finds it by the request number."),
    }
    try:
        return _answer(request, "errors/plain.html", context, HTTPStatus.INTERNAL_SERVER_ERROR)
    except Exception:
        log.exception("the error page itself failed, request %s", request_id)
        return HttpResponseServerError(
            f"The portal has made a mistake. Request {request_id}", content_type="text/plain"
        )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The token is of an earlier sign-in, as a rule: signing out changes it, and a form may outlive that in its tab."""
    if wants_partial(request):
        return retarget_banner(render(request, "auth/_stale_banner.html", status=HTTPStatus.FORBIDDEN))
    if hasattr(request, "access") and drafts.save(request):
        context = {
            "sentence": _("This form is no longer valid."),
            "effect": f"{_('It is from an earlier sign-in, so nothing was sent.')} {_kept()}",
            "form_url": request.path,
        }
        return _answer(request, "errors/plain.html", context, HTTPStatus.FORBIDDEN)
    context = {
        "sentence": _("This form is no longer valid."),
        "effect": _("Nothing was changed. Reload the page and send the form again; if this goes on, allow cookies."),
    }
    return _answer(request, "errors/plain.html", context, HTTPStatus.FORBIDDEN)


def foreign_site(request: HttpRequest) -> HttpResponse:
    context = {
        "sentence": _("This request came from another site."),
        "effect": _("Nothing was changed. The portal takes changes from its own pages only: open it and do it there."),
    }
    return _answer(request, "errors/plain.html", context, HTTPStatus.FORBIDDEN)


def wrong_method(request: HttpRequest, refused: HttpResponseBase) -> HttpResponse:
    context = {"sentence": _("This address cannot be used in this way."), "effect": _("Nothing was changed.")}
    response = _answer(request, "errors/plain.html", context, HTTPStatus.METHOD_NOT_ALLOWED)
    response["Allow"] = refused.headers["Allow"]
    return response
