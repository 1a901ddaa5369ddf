"""Every page of the portal in its states, as HTML: what the checks of this folder look at.

Taken from the portal in this process, which talks to the real sandbox. New addresses are met by themselves (they are
the resolver's own); a state that needs something broken, or something typed, stands in `_typed` and `_broken`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bs4 import BeautifulSoup
from django.core.cache import cache

from portal.platform import transport
from tests.devices import fleet
from tests.devices.device_page import tabs
from tests.portal.addresses import HTMX, KNOWN
from tests.portal.conftest import Browser
from tests.servers import SandboxServer

FORMS = (
    "rename/",
    "trigger-event/",
    "transfer-to-owner/",
    "transfer-to-organization/",
    "remove-owner/",
    "clear/",
    "delete/",
)
GERMAN = "German"
NOT_HTML = frozenset({"audit:receipt", "audit:export"})


class Shown(NamedTuple):
    """One answer. `fragment`: a piece for htmx, without the page around it."""

    name: str
    status: int
    html: str
    fragment: bool

    def whole(self) -> str:
        """A document, with a frame around what is only a piece of one."""
        if not self.fragment:
            return self.html
        piece = self.html.lstrip()
        if piece.startswith("<tr"):
            columns = "<tr><th>1</th><th>2</th><th>3</th><th>4</th></tr>"
            piece = f"<table><thead>{columns}</thead><tbody>{piece}</tbody></table>"
        head = '<meta charset="utf-8"><title>Piece</title>'
        return (
            f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>Piece</h1>{piece}</main></body></html>'
        )


def in_dialogs(states: list[Shown]) -> list[Shown]:
    """The forms that open in a dialog, each in the page of a device that opens it."""
    frame = next(shown.html for shown in states if shown.name == "admin devices:device-detail, page")
    empty = '<dialog id="dialog" aria-labelledby="dialog-title">'
    assert empty in frame
    return [
        Shown(
            f"{shown.name}, in a dialog", shown.status, frame.replace(empty, f"{empty[:-1]} open>{shown.html}"), False
        )
        for shown in states
        if shown.fragment and 'id="dialog-title"' in shown.html
    ]


def every_state(sandbox: SandboxServer) -> list[Shown]:
    """All of them, each name once. Changes the sandbox's data."""
    return list(_walk(sandbox))


def _walk(sandbox: SandboxServer) -> Iterator[Shown]:
    people = {name: _person(name) for name in ("admin", "viewer", "owner")}
    admin = people["admin"]
    yield from _signed_out()
    yield from _look("style guide", admin.get, "/styleguide/")
    for name, person in people.items():
        yield from _addresses(name, person)
    yield from _devices(admin)
    yield from _lists(admin)
    yield from _in_german()
    yield from _typed(admin)
    yield from _changed(admin, sandbox)
    yield from _broken(admin, sandbox)


def _person(name: str) -> Browser:
    person = Browser()
    assert person.sign_in(name).status_code == 303
    return person


def _look(
    name: str, answer_to: Callable[..., object], path: str, *typed: dict[str, str], **headers: str
) -> Iterator[Shown]:
    """The page and the piece, if these are HTML and not a way to somewhere else."""
    for kind, more in (("page", {}), ("piece", HTMX)):
        answer = answer_to(path, *typed, headers=headers | more)
        is_html = answer.headers.get("Content-Type", "").startswith("text/html")  # type: ignore[attr-defined]
        html = answer.content.decode() if is_html else ""  # type: ignore[attr-defined]
        if html:
            whole = "<!doctype" in html[:200].lower()
            yield Shown(f"{name}, {kind}", answer.status_code, html, not whole)  # type: ignore[attr-defined]


def _signed_out() -> Iterator[Shown]:
    nobody = Browser()
    yield from _look("sign-in", nobody.get, "/sign-in/")
    yield from _look("sign-in refused", nobody.post, "/sign-in/", {"username": "support@example.com", "password": "x"})
    yield from _look("no page", nobody.get, "/nowhere/")
    yield from _look("signed out form", nobody.get, f"/devices/{fleet.RICH}/rename/")


def _addresses(name: str, person: Browser) -> Iterator[Shown]:
    for address in KNOWN:
        if address.name in NOT_HTML:
            continue
        path = address.made(person) if name == "admin" else address.path()
        yield from _look(f"{name} {address.name}", person.get, path)


def _devices(admin: Browser) -> Iterator[Shown]:
    special = (fleet.NO_OWNER, fleet.NEVER_ACTIVATED, fleet.NO_HARDWARE, fleet.HTTP_ONLY, fleet.UNKNOWN_ONLINE)
    for device in (*special, fleet.NO_HISTORY, fleet.BENCH, *fleet.HOSTILE):
        for tab in tabs.EVERY:
            yield from _look(f"device {device} {tab}", admin.get, f"/devices/{device}/{tab}")
    for form in FORMS:
        yield from _look(f"hostile {form}", admin.get, f"/devices/{fleet.HOSTILE[0]}/{form}")


def _lists(admin: Browser) -> Iterator[Shown]:
    for query in (
        "?q=cold",
        "?q=nothing-like-it",
        "?page=2&size=100",
        "?page=99999",
        "?org=2",
        "?sub_orgs=on",
        "?q=cold&sort=Name",
    ):
        yield from _look(f"list {query}", admin.get, f"/devices/{query}")
    checked = admin.post("/devices/online/", {"ids": "1,2,3", "next": "/devices/?size=25"})
    yield from _look("list checked", admin.get, checked["Location"])
    yield from _look("list checked by another", admin.get, "/devices/?checked=a.1.b")
    yield from _look("list too long", admin.get, "/devices/?q=" + "x" * 300)
    for kind in ("owner", "user"):
        yield from _look(f"by {kind} found", admin.get, f"/devices/by-{kind}/?email=owner@example.com")
        yield from _look(f"by {kind} none", admin.get, f"/devices/by-{kind}/?email=nobody@example.com")
        yield from _look(f"by {kind} refused", admin.get, f"/devices/by-{kind}/?email=nonsense")
    yield from _look("recent refused", admin.get, "/devices/recent/?minutes=999")
    yield from _look("timeline by type", admin.get, f"/devices/{fleet.RICH}/timeline/?type=CRITICAL")
    yield from _look("timeline as a chart", admin.get, f"/devices/{fleet.RICH}/timeline/chart/")
    yield from _look("never connected", admin.get, f"/devices/{fleet.HTTP_ONLY}/")
    yield from _look("audit filtered", admin.get, "/audit/?q=HC-1&outcome=confirmed")
    yield from _look("audit refused", admin.get, "/audit/?since=yesterday&until=1999-99-99")


def _in_german() -> Iterator[Shown]:
    """Longer words than ours."""
    nobody, admin = Browser(), _person("admin")
    yield from _look(f"{GERMAN}, sign-in", nobody.get, "/sign-in/", accept_language="de")
    for path in ("/devices/", "/devices/recent/", "/audit/", "/preferences/", "/about/", "/devices/new/"):
        yield from _look(f"{GERMAN}, {path}", admin.get, path, accept_language="de")
    for part in (*tabs.EVERY, *FORMS):
        yield from _look(f"{GERMAN}, {part}", admin.get, f"/devices/{fleet.RICH}/{part}", accept_language="de")


def _typed(admin: Browser) -> Iterator[Shown]:
    """Forms sent with nothing in them, and with what the platform does not take."""
    wrong = {
        "name": "A / b",
        "owner": "nobody",
        "org_id": "x",
        "code": "",
        "confirm": "no",
        "reason": "",
        "value": "x" * 201,
    }
    for form in FORMS:
        yield from _look(f"empty {form}", admin.post, f"/devices/{fleet.RICH}/{form}", {})
        yield from _look(f"wrong {form}", admin.post, f"/devices/{fleet.RICH}/{form}", wrong)
    yield from _look("wrong new device", admin.post, "/devices/new/", wrong)
    yield from _look("unknown owner", admin.post, f"/devices/{fleet.RICH}/transfer-to-owner/", {"owner": "999999"})
    found = _form(admin, f"/devices/{fleet.BENCH}/metafields/")
    if found:
        yield from _look("wrong metafield", admin.post, found, {"value": "x" * 201})


def _form(admin: Browser, page: str) -> str:
    link = BeautifulSoup(admin.get(page).content, "html.parser").select_one(
        "a[href*='/metafields/']:not([href$='metafields/'])"
    )
    return str(link["href"]) if link else ""


def _filled(person: Browser, path: str, **typed: str) -> dict[str, str]:
    """The fields of the form on that page, with what is typed."""
    for form in BeautifulSoup(person.get(path).content, "html.parser").select("form[method=post]"):
        if form.select_one("[name=idempotency_key]"):
            return {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")} | typed
    raise AssertionError(f"no form on {path}")


def _changed(admin: Browser, sandbox: SandboxServer) -> Iterator[Shown]:
    """After a change: done, in conflict with another's, of unknown outcome."""
    path = f"/devices/{fleet.RICH}/rename/"
    done = admin.post(path, _filled(admin, path, name="Once renamed"))
    yield from _look("renamed", admin.get, done.headers["Location"])
    old = _filled(admin, path, name="Mine")
    sandbox.call("PUT", "/device", json={"name": "Somebody else's"}, params={"deviceId": fleet.RICH})
    yield from _look("conflict", admin.post, path, old)
    again = _filled(admin, path, name="Perhaps")
    sandbox.fault("/device", "drop", method="PUT", apply=True)
    sandbox.fault("/device/baseInfo", "status", status=500, skip=1)
    yield from _look("unknown", admin.post, path, again)
    sandbox.clear_faults()
    yield from _look("after unknown", admin.get, f"/devices/{fleet.RICH}/")


def _broken(admin: Browser, sandbox: SandboxServer) -> Iterator[Shown]:
    pages = (
        "/devices/",
        "/devices/recent/",
        "/devices/by-owner/?email=owner@example.com",
        f"/devices/{fleet.RICH}/rename/",
    )
    pages += ("/devices/pick/user/?q=lund", *(f"/devices/{fleet.RICH}/{tab}" for tab in tabs.EVERY))
    for kind, more in (("status", {"status": 503}), ("html", {}), ("status", {"status": 429, "retry_after": 20})):
        for path in pages:
            admin.get(path)
        sandbox.fault("*", kind, **more)
        for said in ("with old answers", "without"):
            for path in pages:
                yield from _look(f"{kind} {more.get('status', '')} {said} {path}", admin.get, path)
            _forget()
        sandbox.clear_faults()
    for call in ("/device/online", *(call for tab, call in tabs.CALLS.items() if tab)):
        sandbox.fault(call, "status", status=500)
        for path in pages[5:]:
            yield from _look(f"without {call} {path}", admin.get, path)
        sandbox.clear_faults()
        _forget()


def _forget() -> None:
    """What the portal has learnt of the platform's health, and of its answers."""
    transport.cache_clear()
    cache.clear()
