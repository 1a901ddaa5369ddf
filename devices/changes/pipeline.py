"""The one way of a change from request to response, for every `ChangeKind`.

GET opens the form. POST checks it, with the device's lock held: submitted before (idempotency key), read now, valid,
unchanged, changed by somebody else meanwhile (expected version). Then `service.execute` sends it, and its outcome
becomes the response: a page for everybody, a fragment for htmx.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import reswap, retarget, trigger_client_event

from devices.audit import log as audit_log
from devices.audit.log import ChangeIntent
from devices.changes.context import ChangeResult
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.form_state import (
    NOT_SUBMITTED,
    add_conflict_error,
    add_locked_error,
    add_not_applied_error,
    concurrency_fields,
    key_of,
    redisplay_with_error,
    refresh_form_tokens,
    submitted,
)
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Checked, Subject, kind_of
from devices.changes.service import execute, find_replay
from devices.core.formatting import name_of
from devices.core.navigation import home_url
from devices.core.requests import DeviceRequest, clock_for, require, restored_fields, wants_partial
from devices.core.responses import SeeOther, answer, query_string, redirect_to
from devices.core.return_url import from_list
from devices.core.text import clean, sentences, shorten
from devices.directory.names import names_for
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Rejected, Unauthorized
from devices.gateway.types import BaseInfo
from devices.ui.change_notice import view_of_entry
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import degraded_form
from devices.ui.tabs import TABS

CONFLICT = 409


# --- the way ----------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def change_view(request: DeviceRequest, device_id: int, kind: ChangeKind, target: int | None = None) -> HttpResponse:
    """The page of a change of one device."""

    def view(request: DeviceRequest, device_id: int) -> HttpResponse:
        change = ChangeRequest(request, kind, device_id, "" if target is None else str(target))
        return (kind.view or handle)(change)

    return degraded_form(kind.words.title)(view)(request, device_id)


def handle(change: ChangeRequest) -> HttpResponse:
    """GET: the form. POST: the change."""
    require(change.request, change.kind.operation)
    return submit(change) if change.request.method == "POST" else open_form(change)


def open_form(change: ChangeRequest) -> HttpResponse:
    kind = change.kind
    subject = kind.read(change) if kind.read else None
    fields = [name for name in kind.form.base_fields if name not in NOT_SUBMITTED or name == "reason"]
    initial = {**kind.initial(subject), **concurrency_fields(subject.version if subject else None)}
    form = kind.form(initial=initial | restored_fields(change.request, *fields), **kind.form_options(subject))
    return show(change, form, subject)


def submit(change: ChangeRequest) -> HttpResponse:
    kind, request = change.kind, change.request
    if kind.read is None:
        return _submit_without_subject(change)
    prepared = None
    if kind.before_lock:
        checked = _check(change)
        if isinstance(checked, HttpResponse):
            return checked
        prepared = kind.before_lock(change, checked)
        if isinstance(prepared, HttpResponse):
            return prepared
    try:
        with device_lock(change.device_id, request.gateway.left()):
            checked = _check(change)
            return (
                checked if isinstance(checked, HttpResponse) else _execute(change, checked._replace(prepared=prepared))
            )
    except DeviceLocked:
        checked = _check(change)
        if isinstance(checked, HttpResponse):
            return checked
        add_locked_error(checked.form)
        return show(change, checked.form, checked.subject, resolved=checked.resolved, status=CONFLICT)


def _submit_without_subject(change: ChangeRequest) -> HttpResponse:
    """A change that replaces nothing: no lock, no comparison."""
    form = change.kind.form(change.request.POST)
    if not form.is_valid():
        return show(change, form, status=422)
    info = device_snapshot(change.request, change.device_id)
    return _execute(change, Checked(form, Subject(info, "")))


def _check(change: ChangeRequest) -> Checked | HttpResponse:
    """The form as it may be sent, or the response that says why not."""
    kind, request = change.kind, change.request
    replay = find_replay(change.context, _intent(change), idempotency_key=key_of(request), submitted=submitted(request))
    if replay is not None and not replay.rejected:
        return finish(change, replay)
    assert kind.read is not None  # noqa: S101  # nosec B101
    try:
        subject = kind.read(change)
    except NotFound as error:
        if kind.gone is None:
            raise
        return kind.gone(change, error)
    except GatewayError as error:
        return _unread(change, error)
    form = kind.form(request.POST, **kind.form_options(subject))
    page = partial(show, change, form, subject)
    if subject.closed:
        form.add_error(kind.field, subject.closed)
    resolved = None
    if form.is_valid() and kind.resolve:
        try:
            resolved = kind.resolve(change, subject, form)
        except GatewayError as error:
            return redisplay_with_error(form, error, page)
    page = partial(page, resolved=resolved)
    if form.errors:
        if kind.field is None and not subject.closed:
            add_conflict_error(change, form, subject)
        return page(status=422)
    if replay is not None:
        add_not_applied_error(form, kind, replay)
        return page(status=replay.status)
    if kind.unchanged(subject, form.cleaned_data):
        return _nothing_to_change(change, subject)
    if not kind.holds(subject, form.cleaned_data) and add_conflict_error(change, form, subject, resolved):
        return page(status=CONFLICT)
    return Checked(form, subject, resolved)


def _execute(change: ChangeRequest, checked: Checked) -> HttpResponse:
    kind, request, form = change.kind, change.request, checked.form
    subject = checked.subject if kind.read else None
    page = partial(show, change, form, subject, resolved=checked.resolved, prepared=checked.prepared)
    intent = _intent(change, checked)
    try:
        result = execute(
            change.context,
            intent,
            lambda gateway: kind.send(gateway, intent),
            idempotency_key=key_of(request),
            submitted=submitted(request),
        )
    except GatewayError as error:
        return _refused(change, form, error, page, secret=intent.secret)
    if not result.rejected:
        return finish(change, result)
    add_not_applied_error(form, kind, result)
    return page(status=result.status)


def finish(change: ChangeRequest, result: ChangeResult) -> HttpResponse:
    """The response to a change that was made, or whose outcome is unknown."""
    request, kind = change.request, change.kind
    if result.unknown:
        return render_outcome_unknown(request, result, row=kind.row is not None)
    if kind.finish:
        return kind.finish(change, result)
    out_of_sight = result.state.evidence == audit_log.REPLY_ONLY and not kind.proven_by_reply
    url = home_url(request.access) if out_of_sight else reverse(kind.page, args=[change.device_id])
    if not wants_partial(request) or kind.answers_with is AnswersWith.REDIRECT or out_of_sight:
        return redirect_after_success(request, result, url)
    name = clean(result.entry.after)
    context = {"device_id": change.device_id, "device_name": name, "done": view_of_entry(request, result.entry)}
    context["tab_of_change"] = next((tab for tab in TABS if kind.page == f"devices:device-{tab.name}"), None)
    in_heading = kind.answers_with is AnswersWith.TITLE and not from_list(request)
    if kind.answers_with is AnswersWith.TITLE:
        context["row_name"] = shorten(name)
    fragment = "ui/_device_title.html" if in_heading else "ui/_flash.html"
    return flash(request, fragment, context, target="#device-title" if in_heading else "#flash")


def flash(request: HttpRequest, fragment: str, context: dict[str, Any], *, target: str = "#flash") -> HttpResponse:
    """A fragment that goes above the page or into its heading, not into the dialog that sent the form: that closes."""
    response = answer(request, fragment, fragment, context)
    return trigger_client_event(reswap(retarget(response, target), "outerHTML"), "deviceChanged")


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _unread(change: ChangeRequest, error: GatewayError) -> HttpResponse:
    """The subject could not be read, so nothing was sent. A dialog has nothing but its form: what was typed stays."""
    kind, request = change.kind, change.request
    if kind.read_failed:
        return kind.read_failed(change, error)
    if not wants_partial(request):
        raise error
    form = kind.form(request.POST, **kind.form_options(None))
    form.full_clean()
    return redisplay_with_error(form, error, partial(show, change, form, unread=True))


def _refused(
    change: ChangeRequest, form: Any, error: GatewayError, page: Callable[..., HttpResponse], *, secret: bool
) -> HttpResponse:
    """The platform refused it, or it was certainly not made. Its own words may repeat a secret."""
    kind = change.kind
    if isinstance(error, Rejected):
        words = "" if secret else clean(error.api_message)
        form.add_error(kind.field, sentences(str(kind.words.refused), words))
    elif kind.row and isinstance(error, Forbidden | NotFound):  # the rest of its table stands
        form.add_error(kind.field, sentences(_(error.sentence), _("Nothing was changed.")))
        refresh_form_tokens(form)
        return page(status=error.status)
    elif isinstance(error, NotFound) and kind.gone:
        return kind.gone(change, error)
    elif isinstance(error, NotFound) and kind.words.not_found:
        # A 404 does not tell whether it is about the device: one that is gone raises here.
        change.context.gateway.get_base_info(change.device_id)
        form.add_error(kind.field, str(kind.words.not_found))
    else:
        message = str(kind.words.rate_limited) if isinstance(error, RateLimited) and not error.ours else ""
        return redisplay_with_error(form, error, page, message=message)
    refresh_form_tokens(form)
    return page(status=422)


def _nothing_to_change(change: ChangeRequest, subject: Subject) -> HttpResponse:
    """The device holds this value already: nothing is sent, and nothing goes into the audit."""
    request, kind, message = change.request, change.kind, str(change.kind.words.unchanged)
    if not wants_partial(request):
        messages.info(request, message)
        return SeeOther(reverse(kind.page, args=[change.device_id]))
    if kind.row:
        return kind.row(change, subject, unchanged=message)
    return flash(request, "ui/_flash.html", {"message": message})


def render_outcome_unknown(request: DeviceRequest, result: ChangeResult, *, row: bool = False) -> HttpResponse:
    """Nobody knows whether it was made: no button that sends it, only one that reads again. `row`: in a table's row."""
    accepted = result.state.api_result == audit_log.ACCEPTED
    context = {
        "entry": view_of_entry(request, result.entry),
        "device_id": result.entry.device_id,
        "accepted": accepted,
        "sentence": _(result.error.sentence) if result.error else "",
        "target": result.entry.target,
    }
    status = result.error.status if result.error else 202 if accepted else 502
    fragment = "changes/_metafield_unknown.html" if row else "changes/_outcome_unknown.html"
    return answer(request, "changes/outcome_unknown.html", fragment, context, status=status)


def redirect_after_success(request: DeviceRequest, result: ChangeResult, url: str) -> HttpResponse:
    """To `url`, whose page shows the change by its audit entry (`ui.change_notice`) and offers to undo it."""
    change = query_string(change=result.entry.pk)
    return redirect_to(request, url + (change.replace("?", "&") if "?" in url else change))


# --- idempotency and expected version ---------------------------------------------------------------------------------


def _intent(change: ChangeRequest, checked: Checked | None = None) -> ChangeIntent:
    fields: dict[str, Any] = {"target": change.target}
    if checked is not None:
        info, data = checked.subject.info, checked.form.cleaned_data
        fields |= {"device_name": info.name, "org_id": info.org_id or None, "reason": data["reason"]}
        fields |= change.kind.intent(change, checked)
    return ChangeIntent(operation=change.kind.operation, device_id=change.device_id, **fields)


# --- pages ------------------------------------------------------------------------------------------------------------


def read_device(
    value_of: Callable[[BaseInfo], str], words_of: Callable[[ChangeRequest, BaseInfo], str] | None = None
) -> Callable[[ChangeRequest], Subject]:
    """How the subject of a change of the base info is read. `words_of`: the value as people know it."""

    def read(change: ChangeRequest) -> Subject:
        info = change.context.gateway.get_base_info(change.device_id)
        return Subject(info, value_of(info), words_of(change, info) if words_of else value_of(info))

    return read


def device_snapshot(request: DeviceRequest, device_id: int) -> BaseInfo:
    """Name and organization of the device for the audit, where what is sent needs neither.

    As the person last saw them, or read now. Without a name where that fails: the platform decides about the change.
    """
    try:
        return request.gateway.last_seen(device_id) or request.gateway.fresh().get_base_info(device_id)
    except Unauthorized:
        raise
    except GatewayError:
        return BaseInfo(id=device_id, name="", template_id=0, org_id=0)


def show(
    change: ChangeRequest,
    form: Any,
    subject: Subject | None = None,
    *,
    resolved: Any = None,
    prepared: Any = None,
    unread: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The form's page, or its dialog for htmx. `unread`: the subject could not be read just now."""
    if change.kind.render:
        return change.kind.render(change, form, subject, resolved=resolved, prepared=prepared, status=status)
    return render_form(change, form, subject, unread=unread, status=status)


def render_form(
    change: ChangeRequest,
    form: Any,
    subject: Subject | None = None,
    *,
    unread: bool = False,
    status: int = 200,
    layout: dict[str, Any] | None = None,
    **more: Any,
) -> HttpResponse:
    """The generic form. `layout`: the context of the page around it, where the kind made it."""
    request, kind = change.request, change.kind
    context: dict[str, Any] = {
        "kind": kind,
        "device_id": change.device_id,
        "form": form,
        "action": request.path,
        "names": names_for(request.gateway, request.access),
        "subject": subject,
        "device_name": name_of(subject.info) if subject else _("Device %d") % change.device_id,
        "read_at": clock_for(request).stamp() if subject else "",
        "unread": unread,
        **more,
    }
    if not wants_partial(request):
        info = subject.info if subject else None
        tab = kind.form_page.removeprefix("devices:device-").replace("detail", "overview")
        context = (layout or device_layout_context(request, change.device_id, tab=tab, info=info)) | context
    return answer(request, "changes/form.html", "changes/_form.html", context, status=status)


def operation_of(name: str) -> ChangeKind:
    """The kind of an operation that is known to have one."""
    kind = kind_of(name)
    assert kind is not None  # noqa: S101  # nosec B101
    return kind
