"""Every page of the portal in its states, as HTML.

The portal runs in this process and talks to the real sandbox. Pages come from the URL resolver; a state that needs a
form, a change or a failure is in `_forms`, `_changes` or `_broken`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bs4 import BeautifulSoup
from django.core.cache import cache
from django.urls import reverse

from devices.changes.kinds import Opens, kinds
from portal.platform import transport
from tests.devices import fleet
from tests.devices.device_page import tabs
from tests.portal.addresses import HTMX, KNOWN
from tests.portal.conftest import Browser
from tests.servers import SandboxServer

CHANGES = [kind for kind in kinds() if kind.about_device and kind.opens is not Opens.REVEAL]
FORMS = [kind.path for kind in CHANGES if "<" not in kind.path]
PARTS = [
    reverse(kind.url_name, args=[kind.example.device or fleet.RICH, kind.example.target])
    for kind in CHANGES
    if "<" in kind.path
]
"""Forms about a part of a device, such as a metafield."""
GERMAN = "German"
NOT_HTML = frozenset({"audit:receipt", "audit:export"})

TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)


class Shown(NamedTuple):
    """One response. `fragment`: for htmx, without the page around it."""

    name: str
    status: int
    html: str
    fragment: bool

    def whole(self) -> str:
        """A document: a fragment gets a page around it."""
        if not self.fragment:
            return self.html
        fragment = TITLE.sub("", self.html).lstrip()  # htmx takes the page's title out of a fragment
        if fragment.startswith("<tr"):
            columns = "<tr><th>1</th><th>2</th><th>3</th><th>4</th></tr>"
            fragment = f"<table><thead>{columns}</thead><tbody>{fragment}</tbody></table>"
        head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fragment</title></head>'
        return f"{head}<body><main><h1>Fragment</h1>{fragment}</main></body></html>"


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
    return list(_all(sandbox))


def _all(sandbox: SandboxServer) -> Iterator[Shown]:
    people = {name: _person(name) for name in ("admin", "viewer", "owner")}
    admin = people["admin"]
    yield from _signed_out()
    yield from _get("style guide", admin, "/styleguide/")
    for name, person in people.items():
        yield from _addresses(name, person)
    yield from _devices(admin)
    yield from _lists(admin)
    yield from _in_german()
    yield from _forms(admin)
    yield from _changes(admin, sandbox)
    yield from _broken(admin, sandbox)


def _person(name: str) -> Browser:
    person = Browser()
    assert person.sign_in(name).status_code == 303
    return person


def _get(name: str, person: Browser, path: str, **headers: str) -> Iterator[Shown]:
    return _both(name, lambda more: person.get(path, headers=headers | more))


def _post(name: str, person: Browser, path: str, form: dict[str, str]) -> Iterator[Shown]:
    return _both(name, lambda more: person.post(path, form, headers=more))


def _both(name: str, send: Callable[[dict[str, str]], Any]) -> Iterator[Shown]:
    """The page and its fragment, where the response is HTML and no redirect."""
    for kind, headers in (("page", {}), ("fragment", HTMX)):
        response = send(headers)
        if response.headers.get("Content-Type", "").startswith("text/html") and (html := response.content.decode()):
            whole = "<!doctype" in html[:200].lower()
            yield Shown(f"{name}, {kind}", response.status_code, html, not whole)


def _signed_out() -> Iterator[Shown]:
    nobody = Browser()
    yield from _get("sign-in", nobody, "/sign-in/")
    yield from _post("sign-in refused", nobody, "/sign-in/", {"username": "support@example.com", "password": "x"})
    yield from _get("no page", nobody, "/nowhere/")
    yield from _get("signed out form", nobody, f"/devices/{fleet.RICH}/rename/")


def _addresses(name: str, person: Browser) -> Iterator[Shown]:
    for address in KNOWN:
        if address.name in NOT_HTML:
            continue
        path = address.made(person) if name == "admin" else address.path()
        yield from _get(f"{name} {address.name}", person, path)


def _devices(admin: Browser) -> Iterator[Shown]:
    """Devices that lack something, in the tabs that show it, and those whose texts are hostile."""
    overview = (fleet.NO_OWNER, fleet.NO_HARDWARE, fleet.HTTP_ONLY, fleet.UNKNOWN_ONLINE)
    shown = dict.fromkeys(overview, ("",)) | dict.fromkeys(fleet.HOSTILE, ("", "metafields/"))
    shown |= dict.fromkeys((fleet.NEVER_ACTIVATED, fleet.NO_HISTORY, fleet.BENCH, fleet.HOSTILE[0]), tabs.EVERY)
    for device, paths in shown.items():
        for tab in paths:
            yield from _get(f"device {device} {tab}", admin, f"/devices/{device}/{tab}")
    for form in FORMS:
        yield from _get(f"hostile {form}", admin, f"/devices/{fleet.HOSTILE[0]}/{form}")


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
        yield from _get(f"list {query}", admin, f"/devices/{query}")
    checked = admin.post("/devices/online/", {"ids": "1,2,3", "next": "/devices/?size=25"})
    yield from _get("list checked", admin, checked["Location"])
    yield from _get("list checked by another", admin, "/devices/?checked=a.1.b")
    yield from _get("list too long", admin, "/devices/?q=" + "x" * 300)
    for kind in ("owner", "user"):
        yield from _get(f"by {kind} found", admin, f"/devices/by-{kind}/?email=owner@example.com")
        yield from _get(f"by {kind} none", admin, f"/devices/by-{kind}/?email=nobody@example.com")
        yield from _get(f"by {kind} refused", admin, f"/devices/by-{kind}/?email=nonsense")
    yield from _get("recent refused", admin, "/devices/recent/?minutes=999")
    yield from _get("timeline by type", admin, f"/devices/{fleet.RICH}/timeline/?type=CRITICAL")
    yield from _get("timeline as a chart", admin, f"/devices/{fleet.RICH}/timeline/chart/")
    yield from _get("never connected", admin, f"/devices/{fleet.HTTP_ONLY}/")
    yield from _get("audit filtered", admin, "/audit/?q=HC-1&outcome=confirmed")
    yield from _get("audit refused", admin, "/audit/?since=yesterday&until=1999-99-99")


def _in_german() -> Iterator[Shown]:
    """Longer words than ours."""
    nobody, admin = Browser(), _person("admin")
    yield from _get(f"{GERMAN}, sign-in", nobody, "/sign-in/", accept_language="de")
    for path in ("/devices/", "/devices/recent/", "/audit/", "/preferences/", "/about/", "/devices/new/"):
        yield from _get(f"{GERMAN}, {path}", admin, path, accept_language="de")
    for part in (*tabs.EVERY, *FORMS):
        yield from _get(f"{GERMAN}, {part}", admin, f"/devices/{fleet.RICH}/{part}", accept_language="de")


def _forms(admin: Browser) -> Iterator[Shown]:
    """Forms submitted empty, and with invalid values."""
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
        yield from _post(f"empty {form}", admin, f"/devices/{fleet.RICH}/{form}", {})
        yield from _post(f"wrong {form}", admin, f"/devices/{fleet.RICH}/{form}", wrong)
    for part in PARTS:
        yield from _get(f"form {part}", admin, part)
        yield from _post(f"wrong {part}", admin, part, wrong | {"comment": "x" * 201})
    yield from _post("wrong new device", admin, "/devices/new/", wrong)
    yield from _post("unknown owner", admin, f"/devices/{fleet.RICH}/transfer-to-owner/", {"owner": "999999"})
    found = _form(admin, f"/devices/{fleet.BENCH}/metafields/")
    if found:
        yield from _post("wrong metafield", admin, found, {"value": "x" * 201})


def _form(admin: Browser, page: str) -> str:
    link = BeautifulSoup(admin.get(page).content, "html.parser").select_one(
        "a[href*='/metafields/']:not([href$='metafields/'])"
    )
    return str(link["href"]) if link else ""


def _filled(person: Browser, path: str, **typed: str) -> dict[str, str]:
    """The fields of the form on that page, with `typed` over them."""
    for form in BeautifulSoup(person.get(path).content, "html.parser").select("form[method=post]"):
        if form.select_one("[name=idempotency_key]"):
            return {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")} | typed
    raise AssertionError(f"no form on {path}")


def _changes(admin: Browser, sandbox: SandboxServer) -> Iterator[Shown]:
    """After a change: confirmed, in conflict with another change, of unknown outcome."""
    path = f"/devices/{fleet.RICH}/rename/"
    done = admin.post(path, _filled(admin, path, name="Once renamed"))
    yield from _get("renamed", admin, done.headers["Location"])
    old = _filled(admin, path, name="Mine")
    sandbox.call("PUT", "/device", json={"name": "Somebody else's"}, params={"deviceId": fleet.RICH})
    yield from _post("conflict", admin, path, old)
    again = _filled(admin, path, name="Perhaps")
    sandbox.fault("/device", "drop", method="PUT", apply=True)
    sandbox.fault("/device/baseInfo", "status", status=500, skip=1)
    yield from _post("unknown", admin, path, again)
    sandbox.clear_faults()
    yield from _get("after unknown", admin, f"/devices/{fleet.RICH}/")


def _broken(admin: Browser, sandbox: SandboxServer) -> Iterator[Shown]:
    lists = (
        "/devices/",
        "/devices/recent/",
        "/devices/by-owner/?email=owner@example.com",
        "/devices/pick/user/?q=lund",
    )
    device = [f"/devices/{fleet.RICH}/{tab}" for tab in tabs.EVERY]
    pages = (*lists, f"/devices/{fleet.RICH}/rename/", *device)
    for status, fault in ((503, {}), (429, {"retry_after": 20})):
        for path in pages:
            admin.get(path)
        sandbox.fault("*", "status", status=status, **fault)
        for cached in ("from the cache", "uncached"):
            for path in pages:
                yield from _get(f"{status} {cached} {path}", admin, path)
            _clear_caches()
        sandbox.clear_faults()
    sandbox.fault("*", "html")
    yield from _get("malformed response", admin, "/devices/")
    yield from _get("malformed response, device", admin, device[0])
    sandbox.clear_faults()
    # One call fails: the overview and the call's own tab differ, the other tabs do not.
    for tab, call in [("", "/device/online"), *tabs.CALLS.items()]:
        sandbox.fault(call, "status", status=500)
        for path in {device[0], f"{device[0]}{tab}"}:
            yield from _get(f"without {call} {path}", admin, path)
        sandbox.clear_faults()
        _clear_caches()


def _clear_caches() -> None:
    """Forget the platform's health and responses."""
    transport.cache_clear()
    cache.clear()
