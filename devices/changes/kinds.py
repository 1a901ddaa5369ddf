"""The registry of changes: one `ChangeKind` for each write, in the write's own module under `devices/changes/writes/`.

A kind holds everything that is known of a write. Derived from it: the address, the form page, the words of the audit,
the outcome messages, the verification, the undo, the drafts, the row menu, the actions panel and the tests' tables.
A kind that lacks something stops the start: `check()` names its module and the field.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum, auto
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.forms import Form

from devices.audit.log import ChangeIntent
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeContext, change_context
from devices.changes.verification import Observation, Observe
from devices.core.permissions import RULES, Access
from devices.core.requests import DeviceRequest
from devices.directory.names import Names
from devices.gateway.client import Gateway
from devices.gateway.types import BaseInfo

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django_stubs_ext import StrPromise

    Text = str | StrPromise

WRITES = "devices.changes.writes"
OVERVIEW = "devices:device-detail"
TARGET = "<int64:target>"


class Place(Enum):
    """Where a change is offered. A timeline row or another place of its own offers it with `change_link` (Jinja)."""

    HEADING = auto()
    ACTIONS = auto()
    ROW_MENU = auto()


class Opens(Enum):
    """How the form opens: over the page, as a page, in a table's row, or (REVEAL) with one press and no form."""

    DIALOG = auto()
    PAGE = auto()
    ROW = auto()
    REVEAL = auto()


class AnswersWith(Enum):
    """What htmx gets after a success: the device's heading, a notice above the page, or a redirect (all have the
    notice). Without script it is always the redirect."""

    TITLE = auto()
    NOTICE = auto()
    REDIRECT = auto()


@dataclass(frozen=True, kw_only=True)
class Words:
    """Lazily translated. Sentences may hold %(device)s, %(target)s and %(after)s.

    `label`: in the audit and above the action. `about`: what it does. `button`: opens the form. `title`, `submit`,
    `busy`: of the form. `done`, `not_done`, `unknown`: the outcome. `refused`: beside the field, before the platform's
    own words.

    `done_secret`, `done_empty`: done, where the value is a secret or empty. `unchanged`: nothing was sent, as the
    device holds this value already. `not_found`: a 404 that is not about the device. `rate_limited`: instead of the
    usual sentence. `verified`: what was read back at %(time)s; `verified_after_loss`: where the reply was lost.
    `already_gone`: there was nothing to change any more.
    """

    label: Text
    about: Text
    button: Text
    title: Text
    submit: Text
    busy: Text
    done: Text
    not_done: Text
    unknown: Text
    refused: Text
    done_secret: Text = ""
    done_empty: Text = ""
    unchanged: Text = ""
    not_found: Text = ""
    rate_limited: Text = ""
    verified: Text = ""
    verified_after_loss: Text = ""
    already_gone: Text = ""


class Subject(NamedTuple):
    """What a change is about, as just read.

    `version`: what must not have changed since the form was opened, "" if that does not matter; `now`: the same in
    words. `item`: what else was read. `closed`: why there is nothing to change; empty if there is. `facts`: labels and
    words that the form shows below the device.
    """

    info: BaseInfo
    version: str
    now: str = ""
    item: Any = None
    closed: str = ""
    facts: Sequence[tuple[Text, str]] = ()


class ChangeRequest(NamedTuple):
    """One request of one kind. `target`: digits, "" for a kind without."""

    request: DeviceRequest
    kind: ChangeKind
    device_id: int
    target: str

    @property
    def context(self) -> ChangeContext:
        return change_context(self.request)


class Checked(NamedTuple):
    """A form that may be sent: its subject, and what `ChangeKind.resolve` and `before_lock` gave."""

    form: Any
    subject: Subject
    resolved: Any = None
    prepared: Any = None


class Undo(NamedTuple):
    """How a change is undone: by another change.

    `target`: kinds with the same target change the same value. `button`: of the form that does it by hand.
    `operation`: of the other change, if not the same. `obstacle`: why the former value cannot be put back although
    nobody changed it; "" if it can. `notes`: what putting it back does not restore.
    """

    target: str
    button: Text
    operation: Callable[[AuditEntry], str] = lambda entry: entry.operation
    obstacle: Callable[[AuditEntry, Observation], str] = lambda entry, observation: ""
    notes: Callable[[AuditEntry, Observation | None, Names], list[str]] = lambda entry, observation, names: []
    needs_value: bool = False


class Example(NamedTuple):
    """One valid use on the sandbox's fleet, for the tests' tables. `fields`: what is typed. `device`: its id, None for
    any with an owner. `target`: as in the address. `query`: of the form's page. `after`: the value it sends."""

    fields: Mapping[str, str]
    device: int | None = None
    target: str = ""
    query: str = ""
    after: str = ""


def plain_value(value: str, names: Names) -> str:
    """A value that people know as it is."""
    return value


@dataclass(frozen=True, kw_only=True)
class ChangeKind:
    """One write. Every argument without a default is needed; the others are for what is special.

    `operation`: the gateway's method; the permissions come from it. `name`: of the address (`device-<name>`). `path`:
    below the device's address; it may hold `<int64:target>`. `order`: among the actions. `destructive`: takes the
    device, its owner or its data from somebody. `field`: the one that a refusal is about. `intent`: what the audit
    stores, of subject, form values and what `resolve` gave. `send`: the call. `observe`: reads the outcome back; None
    where only the platform's reply proves it.

    `page`: where it shows (a URL name), the tab for a change of a part. `template`: a fragment with more facts, in the
    generic form. `about_device`: its address is below a device's. `reply_is_proof`: the reply proves it, though
    `observe` can help when it is lost. `values_are_ids`: of people or organizations. `read`: the subject; None for a
    change that replaces nothing: it takes no lock. `initial`, `form_options`: of the form. `unchanged`: nothing needs
    to be sent. `holds`: somebody else made the same change meanwhile, which is no conflict. `resolve`: checks the
    values with calls (adds errors to the form). `before_lock`: slow work that must not hold the device's lock. `view`:
    instead of the pipeline. `render`, `row`, `finish`: instead of the usual page, table row, response to a success.
    `read_failed`, `gone`: the response when the subject cannot be read, or is not there. `describe`: an audit value in
    words. `proves`: whether what this person observes proves anything. `note`: what is missing to do all of it.
    """

    operation: str
    name: str
    path: str
    order: int
    words: Words
    icon: str
    shown: frozenset[Place]
    opens: Opens
    answers_with: AnswersWith
    destructive: bool
    form: type[Form]
    field: str | None
    intent: Callable[[ChangeRequest, Checked], dict[str, Any]]
    send: Callable[[Gateway, ChangeIntent], Any]
    observe: Observe | None
    undo: Undo | None
    example: Example
    page: str = OVERVIEW
    template: str = ""
    about_device: bool = True
    keeps_drafts: bool = True
    reply_is_proof: bool = False
    values_are_ids: bool = False
    read: Callable[[ChangeRequest], Subject] | None = None
    initial: Callable[[Subject | None], dict[str, str]] = lambda subject: {}
    form_options: Callable[[Subject | None], dict[str, Any]] = lambda subject: {}
    unchanged: Callable[[Subject, dict[str, Any]], bool] = lambda subject, data: False
    holds: Callable[[Subject, dict[str, Any]], bool] = lambda subject, data: False
    resolve: Callable[[ChangeRequest, Subject, Any], Any] | None = None
    before_lock: Callable[[ChangeRequest, Checked], Any] | None = None
    view: Callable[[ChangeRequest], HttpResponse] | None = None
    render: Callable[..., HttpResponse] | None = None
    row: Callable[..., HttpResponse] | None = None
    finish: Callable[[ChangeRequest, Any], HttpResponse] | None = None
    read_failed: Callable[[ChangeRequest, Any], HttpResponse] | None = None
    gone: Callable[[ChangeRequest, Any], HttpResponse] | None = None
    describe: Callable[[str, Names], str] = plain_value
    proves: Callable[[Access, AuditEntry, Observation], bool] = lambda access, entry, observation: True
    note: Callable[[Access], str] = lambda access: ""

    @property
    def url_name(self) -> str:
        return f"devices:device-{self.name}"

    @property
    def has_target(self) -> bool:
        """Whether it is about a part of the device, such as a metafield."""
        return TARGET in self.path

    @property
    def form_page(self) -> str:
        """The page around its form (a URL name): where it is offered."""
        return self.page if self.has_target else OVERVIEW

    @property
    def proven_by_reply(self) -> bool:
        """Nothing that is read afterwards tells more than the platform's reply."""
        return self.observe is None or self.reply_is_proof


_kinds: dict[str, ChangeKind] = {}


def kinds() -> tuple[ChangeKind, ...]:
    """All of them, in their order. The modules are imported when first asked for."""
    if not _kinds:
        for module in pkgutil.iter_modules(import_module(WRITES).__path__):
            for value in vars(import_module(f"{WRITES}.{module.name}")).values():
                if isinstance(value, ChangeKind):
                    _kinds[value.operation] = value
    return tuple(sorted(_kinds.values(), key=lambda kind: kind.order))


def kind_of(operation: str) -> ChangeKind | None:
    """None for an operation that an older version of the portal knew."""
    kinds()
    return _kinds.get(operation)


def check() -> None:
    """Raise ImproperlyConfigured for a kind that lacks words, a method or an example; a missing argument is a TypeError
    of its module already."""
    for kind in kinds():
        lacking = [each.name for each in fields(Words) if each.default != "" and not getattr(kind.words, each.name)]
        if kind.operation not in RULES or not hasattr(Gateway, kind.operation):
            lacking.append(f"operation ({kind.operation} is no gateway method with @requires)")
        if not kind.path.endswith("/"):
            lacking.append("path (ends with a slash)")
        if kind.has_target and not kind.example.target:
            lacking.append("example.target")
        if kind.has_target and kind.page == OVERVIEW:
            lacking.append("page (the tab with the part)")
        if kind.read is None and kind.view is None and not kind.proven_by_reply:
            lacking.append("read")
        if lacking:
            raise ImproperlyConfigured(f"The change {kind.name} in {WRITES} lacks: {', '.join(lacking)}.")
