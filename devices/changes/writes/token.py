"""Show the device's token, its credential: `GET /device/baseInfo` for its `token`. Audited like a change."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from devices.audit import log as audit_log
from devices.audit.log import ACCEPTED, CONFIRMED, REJECTED, REPLY_ONLY, ChangeIntent
from devices.changes.forms import ChangeForm
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Example, Opens, Place, Words
from devices.changes.pipeline import device_snapshot
from devices.core.requests import require, wants_partial
from devices.core.responses import answer
from devices.gateway.errors import GatewayError
from devices.ui.device_layout import device_layout_context

HIDE_AFTER = 30
"""Seconds that a token stays on the screen."""


def reveal(change: ChangeRequest) -> HttpResponse:
    """GET: the token masked, with the button that shows it. POST: the token.

    No cache may store the response (personal responses never are stored), and no log gets the token.
    """
    request, here = change.request, reverse(change.kind.url_name, args=[change.device_id])
    require(request, change.kind.operation)
    form = ChangeForm(request.POST if request.method == "POST" else None)
    token = _token(change, form.cleaned_data["reason"]) if form.is_valid() else ""
    context = {"device_id": change.device_id, "token": token, "form": form, "hide_after": HIDE_AFTER}
    if not wants_partial(request):
        context = device_layout_context(request, change.device_id, tab="overview") | context
    status = 422 if form.errors else 200
    response = answer(request, "changes/reveal_token.html", "changes/_token.html", context, status=status)
    if token and not wants_partial(request):
        response["Refresh"] = f"{HIDE_AFTER}; url={here}"  # without script the page itself goes away
    return response


def _token(change: ChangeRequest, reason: str) -> str:
    """The token; the audit says who saw it. A reply that was lost has shown it to nobody."""
    context, info = change.context, device_snapshot(change.request, change.device_id)
    intent = ChangeIntent(
        operation="reveal_token",
        device_id=change.device_id,
        device_name=info.name,
        org_id=info.org_id or None,
        secret=True,
        reason=reason,
    )
    entry, _first = audit_log.record_intent(context.access, intent, request_id=context.request_id)
    try:
        token = change.request.gateway.reveal_token(change.device_id)
    except GatewayError as error:
        context.record(entry, REJECTED, error=type(error).__name__)
        raise
    context.record(entry, CONFIRMED, api_result=ACCEPTED, evidence=REPLY_ONLY)
    return token


REVEAL_TOKEN = ChangeKind(
    operation="reveal_token",
    name="reveal-token",
    path="reveal-token/",
    order=60,
    words=Words(
        label=_("Show the token"),
        about=_("The credential with which the hardware connects. Showing it goes into the portal’s audit."),
        button=_("Reveal token"),
        title=_("Device token"),
        submit=_("Reveal token"),
        busy=_("Revealing"),
        done=_("The token was shown."),
        not_done=_("The token was not shown."),
        unknown=_("It is not known whether the token was shown."),
        refused=_("The platform refused to show the token."),
    ),
    icon="eye",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.REVEAL,
    answers_with=AnswersWith.NOTICE,
    destructive=False,
    form=ChangeForm,
    field=None,
    view=reveal,
    intent=lambda change, checked: {},
    send=lambda gateway, intent: gateway.reveal_token(intent.device_id or 0),
    observe=None,
    undo=None,
    keeps_drafts=False,
    example=Example({}),
)
