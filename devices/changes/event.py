"""What reaches the device itself or its credential: triggering an event, showing the token."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from devices.audit import log as audit_log
from devices.audit.log import ANSWER, CONFIRMED, REJECTED, ChangeIntent, new_idempotency_key
from devices.changes.context import ChangeResult
from devices.changes.forms import Choices, EventForm, ReasonForm
from devices.changes.pipeline import (
    add_not_applied_error,
    change_context,
    device_snapshot,
    refresh_form_tokens,
    render_outcome_unknown,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute
from devices.core import api_rules
from devices.core.formatting import event_word, name_of
from devices.core.permissions import judge
from devices.core.requests import READ_METHODS, DeviceRequest, require, unsent, wants_partial
from devices.core.responses import SeeOther, answer
from devices.core.text import clean, sentences, shorten
from devices.directory.names import template_events
from devices.gateway.errors import (
    ConcurrencyExceeded,
    GatewayError,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from devices.gateway.types import BaseInfo
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import degraded_form, panel_error, try_read

HIDE_AFTER = 30
"""Seconds that a token stays on the screen."""
SEEN_IN = 100
"""Entries of the timeline that are looked through for events this device has had."""


# --- trigger an event -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Trigger an event"))
def device_trigger_event(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`POST /device/trigger-event`. Accepted is not shown: an entry may take a minute, or be muted."""
    require(request, "trigger_event")
    if request.method != "POST":
        typed = unsent(request, "code", "description", "reason")
        return _event_form(request, device_id, EventForm(initial={"idempotency_key": new_idempotency_key()} | typed))
    form = EventForm(request.POST)
    if not form.is_valid():
        return _event_form(request, device_id, form, status=422)
    page = partial(_event_form, request, device_id, form)
    try:
        done = _trigger(request, device_id, form)
    except Rejected as refusal:
        form.add_error("code", sentences(_("The platform refused this event."), clean(refusal.api_message)))
    except NotFound:
        # Of the event or of the device: the status does not tell. A device that is gone says so below.
        form.add_error("code", _("There is no such event in the template of this device."))
    except RateLimited as limit:
        said = _("Not triggered: the platform limits the events of a device and the calls of an organization.")
        return redisplay_with_error(form, limit, page, said="" if limit.ours else said)
    except GatewayError as error:
        return redisplay_with_error(form, error, page)
    else:
        if done.confirmed:
            return _accepted(request, device_id, form.cleaned_data["code"])
        if done.unknown:
            return render_outcome_unknown(request, done)
        add_not_applied_error(form, done)
        return page(status=409)
    refresh_form_tokens(form)
    return page(status=422)


def _trigger(request: DeviceRequest, device_id: int, form: EventForm) -> ChangeResult[None]:
    """Trigger the event, once for each page of the form."""
    data = form.cleaned_data
    facts = ChangeIntent(
        operation="trigger_event",
        device_id=device_id,
        target=data["code"],
        after=data["description"],
        reason=data["reason"],
        **device_snapshot(request, device_id),
    )
    return execute(
        change_context(request),
        facts,
        lambda gateway: gateway.trigger_event(device_id, data["code"], data["description"] or None),
        idempotency_key=data["idempotency_key"],
    )


def _codes(request: DeviceRequest, info: BaseInfo) -> Choices:
    """The events that the device's template can trigger, those already in its timeline first; none if not readable."""
    events = [
        event for event in template_events(request.gateway, request.access, info.template_id) or () if event.event_code
    ]
    if not events:
        return ()
    seen = _seen_events(request, info.id)
    groups: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for event in events:
        kind = event_word(event.type).text
        words = _("%(name)s – %(kind)s, %(code)s") % {
            "name": shorten(clean(event.name), 60),
            "kind": kind,
            "code": shorten(clean(event.event_code or ""), 60),
        }
        groups[event.id in seen].append((event.event_code or "", words))
    titles = {True: _("In this device’s timeline"), False: _("Other events of its template")}
    return [(titles[known], members) for known, members in groups.items() if members]


def _seen_events(request: DeviceRequest, device_id: int) -> set[int | None]:
    if not judge("list_timeline", request.access).allowed:
        return set()
    try:
        return {event.event_id for event in request.gateway.fresh().list_timeline(device_id, size=SEEN_IN).items}
    except Unauthorized:
        raise
    except GatewayError:
        return set()


def _event_form(request: DeviceRequest, device_id: int, form: EventForm, *, status: int = 200) -> HttpResponse:
    """Without its name and the events of its template the device can be sent one all the same: the code is typed.

    Not where the platform cannot be asked at all, or not now: the form is not opened then, like every other.
    """
    context: dict[str, Any] = {
        "device_id": device_id,
        "device_name": _("Device %d") % device_id,
        "form": form,
        "description_max": api_rules.EVENT_DESCRIPTION_MAX,
    }
    info = try_read(request.gateway, lambda gateway: gateway.fresh().get_base_info(device_id))
    if isinstance(info, Unreachable | ConcurrencyExceeded | RateLimited) and request.method in READ_METHODS:
        raise info
    page_around: dict[str, Any] = {}
    if isinstance(info, GatewayError):
        context["unread"] = panel_error(request, info, _("Trigger an event"))
        if not wants_partial(request):
            page_around = device_layout_context(
                request, device_id, tab="overview", info=info, reconciled=[], reads={"online": info}
            )
            page_around["heading_error"] = None  # told in the form, which is open all the same
    else:
        form.offer(_codes(request, info))
        context["device_name"] = name_of(info)
        if not wants_partial(request):
            page_around = device_layout_context(request, device_id, tab="overview", info=info)
    context = page_around | context
    page, fragment = "changes/trigger_event.html", "changes/_trigger_event.html"
    return answer(request, page, fragment, context, status=status)


def _accepted(request: DeviceRequest, device_id: int, code: str) -> HttpResponse:
    said = _("Accepted: %s. It shows in the timeline within about a minute, and may be muted.") % clean(code)
    timeline = reverse("devices:device-timeline", args=[device_id])
    if not wants_partial(request):
        messages.success(request, said)
        return SeeOther(timeline)
    context = {"said": said, "timeline_url": timeline}
    response = answer(request, "device_page/timeline.html", "ui/_flash.html", context)
    response["HX-Retarget"] = "#flash"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Trigger"] = "deviceChanged"
    return response


# --- the token --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Device token"))
def device_reveal_token(request: DeviceRequest, device_id: int) -> HttpResponse:
    """GET: the token masked, with the button that shows it. POST: `GET /device/baseInfo` for its `token`.

    No cache may keep the answer (personal answers never are kept), and no log gets the token: only that it was shown,
    and to whom.
    """
    require(request, "reveal_token")
    token = ""
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        token = _reveal(request, device_id, form.cleaned_data["reason"])
    context: dict[str, Any] = {"device_id": device_id, "token": token, "form": form, "hide_after": HIDE_AFTER}
    if not wants_partial(request):
        context = device_layout_context(request, device_id, tab="overview") | context
    page, fragment = "changes/reveal_token.html", "changes/_token.html"
    response = answer(request, page, fragment, context, status=422 if form.errors else 200)
    if token and not wants_partial(request):
        # Without script the page itself goes away.
        response["Refresh"] = f"{HIDE_AFTER}; url={reverse('devices:device-reveal-token', args=[device_id])}"
    return response


def _reveal(request: DeviceRequest, device_id: int, reason: str) -> str:
    """The token, with who saw it in the trail. An answer that was lost has shown nobody anything."""
    told = device_snapshot(request, device_id)
    facts = ChangeIntent(operation="reveal_token", device_id=device_id, secret=True, reason=reason, **told)
    by: dict[str, Any] = {"access": request.access, "request_id": request.request_id}
    entry, _first = audit_log.record_intent(request.access, facts, request_id=request.request_id)
    try:
        token = request.gateway.reveal_token(device_id)
    except GatewayError as error:
        audit_log.record_outcome(entry, REJECTED, error=type(error).__name__, **by)
        raise
    audit_log.record_outcome(entry, CONFIRMED, api_result=audit_log.ACCEPTED, evidence=ANSWER, **by)
    return token
