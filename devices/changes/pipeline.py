"""What the views share that change something: who sends it, what the form was opened with, and what became of it."""

from __future__ import annotations

from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from devices.audit import log as audit_log
from devices.changes.context import ChangeContext, ChangeResult
from devices.changes.forms import ReasonForm
from devices.core.requests import DeviceRequest
from devices.core.responses import answer, query_string, redirect_to
from devices.core.text import clean, sentences, shorten
from devices.gateway.errors import GatewayError, Unauthorized
from devices.ui.change_notice import view_of_entry

CONFLICT = 409


def change_context(request: DeviceRequest) -> ChangeContext:
    """What precedes a change, and what proves it, is read from the platform itself."""
    return ChangeContext(request.gateway.fresh(), request.access, request.request_id)


def device_snapshot(request: DeviceRequest, device_id: int) -> dict[str, Any]:
    """Name and organization of the device for the trail, where what is sent needs neither.

    As the person last saw them; read now where that is kept no more, as after a change of their own. Empty where it
    cannot be read: the platform has the word on what is sent.
    """
    info = request.gateway.last_seen(device_id)
    try:
        info = info or request.gateway.fresh().get_base_info(device_id)
    except Unauthorized:
        raise
    except GatewayError:
        return {}
    return {"device_name": info.name, "org_id": info.org_id}


def version_token(value: str) -> str:
    """What a form carries of the value it was opened with: enough to tell another value, and gives no secret away."""
    return salted_hmac("devices.seen", value).hexdigest()[:20]


def concurrency_fields(value: str) -> dict[str, str]:
    """Initial data of the hidden fields of every form that changes something (`forms.changes.ReasonForm`)."""
    return {"idempotency_key": audit_log.new_idempotency_key(), "expected_version": version_token(value)}


def refresh_form_tokens(form: Any, now: str | None = None) -> None:
    """Give a form that is shown again a form id of its own: what it sends next is another sending.

    `now`: the value that its page shows as the present one this time.
    """
    data = form.data.copy()
    data["idempotency_key"] = audit_log.new_idempotency_key()
    if now is not None:
        data["expected_version"] = version_token(now)
    form.data = data


def is_conflict(form: Form, now: str) -> bool:
    """Whether the device holds something else than when the form was opened; forms without a mark do not ask."""
    seen = form.cleaned_data.get("expected_version", "")
    return bool(seen) and seen != version_token(now)


def add_conflict_error(form: ReasonForm, now: str, mine: str, *, field: str, held: str | None = None) -> None:
    """Show the form again with both values: sending it now is the choice of one's own.

    `field`: beside which it is said. `held`: what the mark is made of, where `now` is not it but words for it.
    """
    told = {"now": shorten(clean(now), 120) or _("nothing"), "mine": shorten(clean(mine), 120) or _("nothing")}
    form.add_error(
        field,
        _(
            "Somebody changed this since you opened the form: it is “%(now)s” now. You entered “%(mine)s”. Nothing was"
            " changed. Send the form again to replace it with yours, or cancel to keep it."
        )
        % told,
    )
    shorten_summary(form, field)
    refresh_form_tokens(form, now if held is None else held)


def shorten_summary(form: ReasonForm, field: str) -> None:
    """Let the summary of errors lead to what stands beside the field about a conflict, instead of repeating it."""
    form.short[field] = _("Nothing was sent: this was changed since you opened the form.")


def add_locked_error(form: Form, *, field: str | None = None) -> None:
    form.add_error(
        field, _("Another change of this device is under way. Nothing was changed. Wait a moment and send it again.")
    )


def add_not_applied_error(
    form: Form, done: ChangeResult[Any], *, field: str | None = None, found: str | None = None
) -> None:
    """The answer was lost, and the device reads as before: what was typed stays, to be sent as a new change.

    `found`: words for what it holds, where the value alone tells people nothing; empty for a secret.
    """
    holds = shorten(clean(done.state.observed_value if found is None else found), 120)
    if done.replayed and done.state.api_result == audit_log.REFUSED:
        words = _("This form was sent before, and the platform refused it. Nothing was changed.")
    elif done.replayed and done.state.evidence != audit_log.READ:
        words = _("This form was sent before, and did not reach the platform. Nothing was changed.")
    elif holds:
        words = (
            _("The platform’s answer was lost. Read back, the device still holds “%s”: nothing was changed.") % holds
        )
    else:
        words = _("The platform’s answer was lost. Read back, the device is as it was: nothing was changed.")
    form.add_error(field, sentences(words, _("Send the form again if you still want it.")))
    refresh_form_tokens(form)


def redirect_after_success(request: DeviceRequest, done: ChangeResult[Any], url: str) -> HttpResponse:
    """To `url`, which tells what was done from the trail (`done_view`): it lasts, and offers to undo it."""
    change = query_string(change=done.entry.pk)
    return redirect_to(request, url + (change.replace("?", "&") if "?" in url else change))


def render_outcome_unknown(
    request: DeviceRequest, done: ChangeResult[Any], *, fragment: str = "changes/_outcome_unknown.html"
) -> HttpResponse:
    """Nobody knows what became of it: no button that sends it, only one that looks again."""
    entry = view_of_entry(request, done.entry)
    accepted = done.state.api_result == audit_log.ACCEPTED
    sentence = _(done.error.sentence) if done.error else ""
    context = {"entry": entry, "device_id": entry.device_id, "accepted": accepted, "sentence": sentence}
    context["target"] = done.entry.target
    status = done.error.status if done.error else 202 if accepted else 502
    return answer(request, "changes/outcome_unknown.html", fragment, context, status=status)
