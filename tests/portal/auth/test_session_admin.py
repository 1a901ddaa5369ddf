"""Administrators see who is signed in and end sessions; nobody else can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import requests
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import call_command

from devices.gateway.errors import Unauthorized
from portal.auth import grants, oauth
from portal.auth.crypto import Secret, Tokens
from portal.auth.models import ApiGrant
from tests.portal.conftest import HTMX, Browser, one, tree, words
from tests.portal.test_stack import csrf, sign_in, status
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

SignedIn = Callable[..., Browser]
MARINE = "marine"
"""A user of another organization than admin@example.com."""


def people(page: Any) -> dict[str, list[str]]:
    """Name -> e-mail or tag, and number of sessions, from the table."""
    return {
        one(row, "th b").get_text(): [
            " ".join(part.get_text() for part in row.select("th .sub, th .tag")),
            one(row, ".col-sessions").get_text(),
        ]
        for row in tree(page).select("table tbody tr")
    }


def person_of(email: str) -> str:
    return next(row.person for row in ApiGrant.objects.order_by("-created_at") if f'"email":"{email}"' in row.profile)


# --- looking ----------------------------------------------------------------------------------------------------------


def test_the_page_shows_who_is_signed_in_and_marks_oneself(signed_in: SignedIn) -> None:
    signed_in("viewer")
    signed_in("viewer")
    admin = signed_in("admin")
    page = admin.get("/sessions/")
    assert page.status_code == 200
    shown = people(page)
    assert len(shown) == 2
    assert "2 people are signed in" in words(page)
    (own,) = [value for value in shown.values() if "You" in value[0]]
    assert "admin@example.com" in own[0]
    assert ["viewer@example.com", "2"] in [[email.strip(), count] for email, count in shown.values()]


def test_it_says_since_when_and_when_last_seen(signed_in: SignedIn) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        signed_in("viewer")
        clock.shift(20 * 60)
        content = words(signed_in("admin").get("/sessions/"))
    assert content.count("20 min") == 2, "signed in and last active, of the viewer"


def test_no_token_handle_or_session_key_stands_on_it(signed_in: SignedIn) -> None:
    signed_in("viewer")
    admin = signed_in("admin")
    text = (
        admin.get("/sessions/").content.decode()
        + admin.get("/sessions/end/", {"person": person_of("viewer@example.com")}).content.decode()
    )
    for row in ApiGrant.objects.all():
        for secret in (row.handle, row.blob):
            assert secret not in text
    for key in Session.objects.values_list("session_key", flat=True):
        assert key not in text


def test_other_organizations_and_sessions_that_are_over_are_not_shown(signed_in: SignedIn) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        signed_in("support")
        clock.shift(31 * 60)
        signed_in(MARINE)
        signed_in("viewer")
        ApiGrant.objects.filter(person=person_of("viewer@example.com")).update(revoked=True)
        shown = people(signed_in("admin").get("/sessions/"))
    assert len(shown) == 1


def test_many_people_come_in_pages(signed_in: SignedIn) -> None:
    admin = signed_in("admin")
    row = ApiGrant.objects.get()
    for number in range(55):
        row.pk, row.person = f"handle-{number}", f"user:{1000 + number}"
        row.save(force_insert=True)
    assert len(tree(admin.get("/sessions/")).select("tbody tr")) == 50
    second = admin.get("/sessions/?page=2")
    assert len(tree(second).select("tbody tr")) == 6
    assert "51 to 56 of 56" in words(second)
    for odd in ("0", "-1", "x", "999", "9" * 5000, "%00", "٣"):
        assert admin.get(f"/sessions/?page={odd}").status_code == 200


@pytest.mark.parametrize("path", ["/sessions/", "/sessions/end/?person=user:1"])
@pytest.mark.parametrize("user", ["viewer", "support", "owner"])
def test_without_the_right_it_is_refused_by_name_and_no_menu_leads_there(
    signed_in: SignedIn, path: str, user: str
) -> None:
    browser = signed_in(user)
    for headers in ({}, HTMX):
        response = browser.get(path, headers=headers)
        assert response.status_code == 403
        assert "This needs the portal right PORTAL_ADMIN." in words(response)
    assert b'href="/sessions/"' not in browser.get("/nowhere/").content


def test_the_menu_leads_there_for_those_who_may(signed_in: SignedIn) -> None:
    assert b'href="/sessions/"' in signed_in("admin").get("/nowhere/").content


# --- ending -----------------------------------------------------------------------------------------------------------


def test_all_sessions_of_a_person_end_with_a_message_and_a_log_line(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "portal")
    theirs = [signed_in("viewer"), signed_in("viewer")]
    other, admin = signed_in("support"), signed_in("admin")
    person = person_of("viewer@example.com")
    step = admin.get("/sessions/end/", {"person": person})
    assert "They are signed out immediately" in words(step)
    assert "viewer@example.com" in words(step)
    caplog.clear()
    done = admin.post("/sessions/end/", {"person": person})
    assert (done.status_code, done["Location"]) == (303, "/sessions/")
    content = words(admin.get("/sessions/"))
    assert "2 sessions of" in content
    assert "are ended. They can sign in again." in content
    for browser in theirs:
        assert browser.get("/devices/1/").status_code == 302
        assert browser.get("/devices/1/", headers=HTMX).status_code == 401
    assert other.get("/nowhere/").status_code == 404, "nobody else is touched"
    assert caplog.text.count(f"a session of {person} was ended by {person_of('admin@example.com')}") == 2
    assert Session.objects.count() == 2
    assert theirs[0].sign_in("viewer").status_code == 303


def test_with_script_the_step_is_a_dialog_and_the_page_is_loaded_anew(signed_in: SignedIn) -> None:
    signed_in("viewer")
    admin = signed_in("admin")
    person = person_of("viewer@example.com")
    dialog = admin.get("/sessions/end/", {"person": person}, headers=HTMX)
    assert tree(dialog).html is None
    assert one(dialog, "form")["hx-post"] == "/sessions/end/"
    done = admin.post("/sessions/end/", {"person": person}, headers=HTMX)
    assert (done.status_code, done["HX-Redirect"]) == (200, "/sessions/")


def test_a_link_ends_nothing(signed_in: SignedIn) -> None:
    viewer, admin = signed_in("viewer"), signed_in("admin")
    admin.get("/sessions/end/", {"person": person_of("viewer@example.com")})
    assert viewer.get("/nowhere/").status_code == 404


def test_ending_ones_own_sessions_signs_out_and_says_so(signed_in: SignedIn) -> None:
    elsewhere, admin = signed_in("admin"), signed_in("admin")
    person = person_of("admin@example.com")
    assert "This is you." in words(admin.get("/sessions/end/", {"person": person}))
    done = admin.post("/sessions/end/", {"person": person})
    assert (done.status_code, done["Location"]) == (303, "/sign-in/")
    assert "Your sessions have ended, including this one." in words(admin.get("/sign-in/"))
    assert elsewhere.get("/nowhere/").status_code == 302
    assert not Session.objects.exists()


@pytest.mark.parametrize("person", ["", "user:999999", "user:\0", "nonsense", "' OR 1=1"])
def test_somebody_who_is_not_signed_in_is_no_error(signed_in: SignedIn, person: str) -> None:
    admin = signed_in("admin")
    for ask in (admin.get, admin.post):
        assert ask("/sessions/end/", {"person": person})["Location"] == "/sessions/"
        assert "This person is not signed in any more." in words(admin.get("/sessions/"))


def test_nobody_of_another_organization_can_be_signed_out(signed_in: SignedIn) -> None:
    marine, admin = signed_in(MARINE), signed_in("admin")
    assert admin.post("/sessions/end/", {"person": person_of("marine@example.com")})["Location"] == "/sessions/"
    assert "not signed in any more" in words(admin.get("/sessions/")), "and it is not told that they are there"
    assert marine.get("/nowhere/").status_code == 404


def test_without_the_right_nobody_is_signed_out(signed_in: SignedIn) -> None:
    admin, support = signed_in("admin"), signed_in("support")
    person = person_of("admin@example.com")
    for headers in ({}, HTMX):
        assert support.post("/sessions/end/", {"person": person}, headers=headers).status_code == 403
    assert admin.get("/nowhere/").status_code == 404


def test_a_right_taken_out_of_the_settings_is_gone_at_once(signed_in: SignedIn, settings: Any) -> None:
    admin = signed_in("admin")
    settings.ACCESS_ROLES = {}
    assert admin.get("/sessions/").status_code == 403


def test_a_refresh_that_ends_after_the_session_saves_nothing(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in("viewer")
    admin = signed_in("admin")
    person = person_of("viewer@example.com")
    handle = ApiGrant.objects.get(person=person).handle

    def slow(token: Secret, seconds: float) -> Tokens:
        admin.post("/sessions/end/", {"person": person})
        return Tokens(Secret("new"), Secret("newer"), 600.0)

    monkeypatch.setattr(oauth, "refresh", slow)
    ApiGrant.objects.filter(handle=handle).update(expires_at=0.0, refresh_at=0.0)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)
    assert not ApiGrant.objects.filter(person=person).exists()


# --- by command -------------------------------------------------------------------------------------------------------


def command(account: str) -> str:
    out = StringIO()
    call_command("end_sessions", account, stdout=out)
    return out.getvalue()


def test_the_command_takes_an_email_or_an_id_and_can_be_repeated(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "portal")
    viewer, support, marine = signed_in("viewer"), signed_in("support"), signed_in(MARINE)
    assert command("Viewer@Example.com") == "1 session ended.\n"
    assert command(person_of("marine@example.com").removeprefix("user:")) == "1 session ended.\n"
    assert viewer.get("/nowhere/").status_code == marine.get("/nowhere/").status_code == 302
    assert support.get("/nowhere/").status_code == 404
    assert "by manage.py end_sessions" in caplog.text
    for nobody in ("viewer@example.com", "", "0", "9" * 50, "9" * 5000, "@", "example.com"):
        assert command(nobody) == "0 sessions ended.\n"
    assert support.get("/nowhere/").status_code == 404


def test_signing_out_is_written_to_the_log_with_who_did_it(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "portal")
    browser = signed_in("viewer")
    person = person_of("viewer@example.com")
    browser.post("/sign-out/")
    assert f"a session of {person} was ended by the user" in caplog.text


# --- in every process -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes(sandbox: SandboxServer) -> Iterator[tuple[PortalServer, PortalServer]]:
    """Two servers on one SQLite file, each with its own memory."""
    first = PortalServer(sandbox)
    second = PortalServer(sandbox, database_url=first.env["DATABASE_URL"])
    yield first, second
    second.stop()
    first.stop()


def post(session: requests.Session, host: PortalServer, path: str, **fields: str) -> requests.Response:
    page = session.get(f"{host.url}/devices/", timeout=20).text
    return session.post(host.url + path, {**fields, "csrfmiddlewaretoken": csrf(page)}, timeout=20)


def test_signing_out_in_one_process_ends_the_session_in_the_other(
    processes: tuple[PortalServer, PortalServer], fresh_sandbox: SandboxServer
) -> None:
    here, there = processes
    with sign_in(here) as session, requests.Session() as thief:
        thief.cookies.update(session.cookies)
        assert status(thief, there, "/devices/") == 200
        left = post(session, here, "/sign-out/").history[0]
        assert left.headers["Clear-Site-Data"] == '"cache"'
        assert [status(thief, host, "/devices/") for host in (here, there)] == [302, 302]


def test_an_administrator_in_one_process_ends_sessions_that_live_in_the_other(
    processes: tuple[PortalServer, PortalServer], fresh_sandbox: SandboxServer
) -> None:
    here, there = processes
    with sign_in(here, "admin") as admin, sign_in(there, "viewer") as viewer:
        stop, seen = threading.Event(), []

        def keep_asking() -> None:
            while not stop.is_set():
                seen.append(status(viewer, there, "/devices/1/tags/"))

        thread = threading.Thread(target=keep_asking)
        thread.start()
        try:
            page = admin.get(f"{here.url}/sessions/", timeout=20)
            link = one(page, "tr:-soup-contains('viewer@') a.action")
            person = str(link["href"]).rsplit("=", 1)[1].replace("%3A", ":")
            assert "is ended" in post(admin, here, "/sessions/end/", person=person).text
            after = status(viewer, there, "/devices/")
        finally:
            stop.set()
            thread.join()
    assert after == 302
    assert set(seen) <= {200, 302, 403}
    assert seen == sorted(seen, key=lambda code: code == 302), "once ended it does not come back"
