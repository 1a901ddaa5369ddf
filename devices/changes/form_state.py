"""What a change's form carries (idempotency key, expected version) and the errors that keep what was typed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.audit import log as audit_log
from devices.changes.context import ChangeResult
from devices.changes.kinds import ChangeKind, ChangeRequest, Subject
from devices.core.requests import DeviceRequest
from devices.core.text import clean, sentences, shorten
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Redirected, Unauthorized
from devices.ui.read_errors import advice, with_retry_after

READ_OPERATIONS = ("get_", "list_", "search_")
"""How the names of gateway methods begin that change nothing."""


NOT_SUBMITTED = frozenset(
    {"csrfmiddlewaretoken", "idempotency_key", "expected_version", "reason", "confirm", "gaps", "without", "next"}
)
"""Fields that do not tell two submissions of one form apart."""


def redisplay_with_error(
    form: Form, error: GatewayError, page: Callable[..., HttpResponse], *, message: str = ""
) -> HttpResponse:
    """`page(status=...)` with what went wrong and what to do as an error of the form, and the wait passed on.

    `message`: instead of "(what went wrong) Nothing was changed." Raises `error` where submitting the form again is not
    the next step: its outcome is unknown, or the session, the permission or the device is missing.
    """
    unknown = error.uncertain and not error.operation.startswith(READ_OPERATIONS)
    if unknown or isinstance(error, Unauthorized | Forbidden | NotFound):
        raise error
    message = message or sentences(_(error.sentence), _("Nothing was changed."))
    form.add_error(getattr(form, "error_field", None), sentences(message, _next_step(error)))
    refresh_form_tokens(form)
    return with_retry_after(page(status=error.status), error)


def _next_step(error: GatewayError) -> str:
    if isinstance(error, Redirected):
        return advice(error)
    if error.retry_after is not None:
        seconds = math.ceil(error.retry_after)
        return ngettext("Wait %d second and send it again.", "Wait %d seconds and send it again.", seconds) % seconds
    if isinstance(error, RateLimited):
        return _("Wait a moment and send it again; a minute is usually enough.")
    return _("Send the form again in a moment.")


def add_locked_error(form: Form) -> None:
    form.add_error(
        getattr(form, "error_field", None),
        _("Another change of this device is under way. Nothing was changed. Wait a moment and send it again."),
    )


def add_not_applied_error(form: Form, kind: ChangeKind, result: ChangeResult, *, field: str | None = "") -> None:
    """The change was not made: what was typed stays, to be submitted as a new change."""
    state = result.state
    hide = kind.values_are_ids or result.entry.secret
    holds = "" if hide else shorten(clean(state.observed_value), 120)
    if result.replayed and state.api_result == audit_log.REFUSED:
        words = _("This form was sent before, and the platform refused it. Nothing was changed.")
    elif result.replayed and state.evidence != audit_log.READ_BACK:
        words = _("This form was sent before, and did not reach the platform. Nothing was changed.")
    elif holds:
        words = _("The platform’s reply was lost. The device still holds “%s”, so nothing was changed.") % holds
    else:
        words = _("The platform’s reply was lost. The device is as it was, so nothing was changed.")
    beside = kind.field if field == "" else field
    form.add_error(beside, sentences(words, _("Send the form again if you still want it.")))
    refresh_form_tokens(form)


def submitted(request: DeviceRequest) -> list[tuple[str, str]]:
    """What was filled in: with the idempotency key it names one submission."""
    return sorted((name, str(value).strip()) for name, value in request.POST.items() if name not in NOT_SUBMITTED)


def key_of(request: DeviceRequest) -> str:
    return str(request.POST.get("idempotency_key", ""))[:64]


def version_token(value: str) -> str:
    """Tells another value from this one, and gives no secret away."""
    return salted_hmac("devices.expected_version", value).hexdigest()[:20]


def concurrency_fields(value: str | None) -> dict[str, str]:
    """Initial values of the hidden fields of a form that was opened with `value` (None: with nothing to compare)."""
    fields = {"idempotency_key": audit_log.new_idempotency_key()}
    return fields if value is None else fields | {"expected_version": version_token(value)}


def refresh_form_tokens(form: Any, now: str | None = None) -> None:
    """Give a form that is shown again a new idempotency key: what it sends next is another change. `now`: the value
    that its page shows this time."""
    data = form.data.copy()
    data["idempotency_key"] = audit_log.new_idempotency_key()
    if now is not None:
        data["expected_version"] = version_token(now)
    form.data = data


def add_conflict_error(change: ChangeRequest, form: Any, subject: Subject, resolved: Any = None) -> bool:
    """Whether somebody changed it since the form was opened. Then the form says so: sending it again is a choice."""
    token = form.data.get("expected_version", "")
    if not token or token == version_token(subject.version):
        return False
    nothing = _("nothing")
    mine = shorten(clean(getattr(resolved, "name", "") or form.data.get(change.kind.field or "", "")), 120)
    words = {"now": shorten(clean(subject.now), 120) or nothing, "mine": mine or nothing}
    if subject.now and change.kind.field:
        sentence = _("Somebody changed this since you opened the form: it is “%(now)s” now. You entered “%(mine)s”.")
    elif subject.now:
        sentence = _("Somebody changed this since you opened the form: it is “%(now)s” now.")
    else:
        sentence = _("Somebody changed this since you opened the form.")
    what_next = _("Nothing was changed. Check what it is now, then send the form again or cancel.")
    form.add_error(change.kind.field, sentences(sentence % words, what_next))
    if change.kind.field:
        form.short[change.kind.field] = _("Nothing was sent: this was changed since you opened the form.")
    refresh_form_tokens(form, subject.version)
    return True
