"""Drafts: what a person typed survives the session, encrypted, only for that person, never sent automatically."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from portal.auth import drafts
from portal.auth.models import ApiGrant, Draft
from tests.devices.changes.forms import writes
from tests.portal.conftest import HTMX, Browser, one, tree, words
from tests.servers import SandboxServer

SignedIn = Callable[..., Browser]
RENAME = "/devices/1/rename/"
TYPED = "Cold canary 77"
WHY = "ticket canary-4711"
OURS = {"Sec-Fetch-Site": "same-origin"}
NOT_SENT = "Not sent yet."


def end(how: str, browser: Browser, platform: SandboxServer) -> None:
    """End this browser's session in the given way."""
    if how == "signed out in another tab":
        browser.post("/sign-out/")
    elif how == "ended elsewhere":
        ApiGrant.objects.all().delete()
    elif how == "session gone":
        Session.objects.all().delete()
    elif how == "idle":
        ApiGrant.objects.update(last_seen=time.time() - configured.SESSION_IDLE - 1)
    elif how == "ten hours old":
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif how == "refresh token refused":
        platform.expire_tokens(refresh=True)


ENDS = [
    "signed out in another tab",
    "ended elsewhere",
    "session gone",
    "idle",
    "ten hours old",
    "refresh token refused",
]


def send_late(browser: Browser, path: str = RENAME, headers: dict[str, str] = OURS, **fields: str) -> Any:
    return browser.post(path, fields or {"name": TYPED, "reason": WHY}, headers=headers)


def left(user: str, signed_in: SignedIn, path: str = RENAME, **fields: str) -> Browser:
    """A browser in which `user` submitted a form after the session ended."""
    browser = signed_in(user)
    assert browser.get(path).status_code == 200
    ApiGrant.objects.all().delete()
    assert send_late(browser, path, **fields).status_code == 302
    return browser


def value(response: Any, name: str) -> str:
    """The value of the form's field `name`."""
    found = one(response, f"main form [name={name}]")
    chosen = found.select_one("option[selected]") if found.name == "select" else found
    return str(chosen.get("value", "")) if chosen else ""


@pytest.mark.parametrize("how", ENDS)
def test_a_form_sent_too_late_comes_back_filled_in_and_is_sent_by_hand_alone(
    signed_in: SignedIn, platform: SandboxServer, how: str
) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    end(how, browser, platform)
    answer = browser.post(RENAME, {"name": TYPED, "reason": WHY}, headers=OURS, follow=True)
    assert answer.redirect_chain == [("/sign-in/?next=%2Fdevices%2F1%2Frename%2F", 302)]
    assert "What you typed is kept for one hour" in words(answer)
    platform.clear_requests()
    page = browser.sign_in("admin", next=RENAME)
    assert page["Location"] == RENAME
    form = browser.get(RENAME)
    assert (value(form, "name"), value(form, "reason")) == (TYPED, WHY)
    assert NOT_SENT in words(form)
    assert writes(platform) == [], "nothing is sent by itself"
    assert browser.post(RENAME, {"name": TYPED, "reason": WHY}).status_code == 303
    assert writes(platform) == [("PUT", "/device")]
    again = browser.get(RENAME)
    assert NOT_SENT not in words(again)
    assert value(again, "reason") == ""


def test_the_time_is_in_the_zone_of_the_person(signed_in: SignedIn) -> None:
    with time_machine.travel(time.time(), tick=False):
        browser = left("admin", signed_in)
        browser.sign_in("admin")
        page = words(browser.get(RENAME))
        zone = browser.get("/devices/").wsgi_request.access.tz
        assert zone != "UTC"
        assert f"{timezone.now().astimezone(ZoneInfo(zone)):%H:%M:%S}" in page


def test_another_person_at_the_same_browser_gets_nothing_of_it(signed_in: SignedIn) -> None:
    browser = left("admin", signed_in)
    browser.sign_in("support")
    page = browser.get(RENAME)
    assert TYPED not in page.content.decode()
    assert NOT_SENT not in words(page)
    assert not Draft.objects.exists(), "refused, and thrown away"
    browser.post("/sign-out/")
    browser.sign_in("admin")
    assert TYPED not in browser.get(RENAME).content.decode()


def test_the_same_person_at_another_browser_has_no_such_form(signed_in: SignedIn) -> None:
    left("admin", signed_in)
    assert TYPED not in signed_in("admin").get(RENAME).content.decode()


def test_a_draft_moved_to_another_row_is_not_opened(signed_in: SignedIn) -> None:
    victim = left("admin", signed_in)
    blob = Draft.objects.get().blob
    thief = left("support", signed_in, name="mine")
    Draft.objects.exclude(blob=blob).update(blob=blob)
    thief.sign_in("support")
    assert TYPED not in thief.get(RENAME).content.decode()
    victim.sign_in("admin")
    assert value(victim.get(RENAME), "name") == TYPED


def test_a_key_that_is_gone_loses_the_draft_and_not_the_page(signed_in: SignedIn, settings: Any) -> None:
    browser = left("admin", signed_in)
    settings.TOKEN_KEYS = ["YW5vdGhlci1rZXktb2YtMzItYnl0ZXMtZm9yLXVzLS0="]
    browser.sign_in("admin")
    page = browser.get(RENAME)
    assert page.status_code == 200
    assert TYPED not in page.content.decode()


def test_after_an_hour_it_is_gone(signed_in: SignedIn) -> None:
    browser = left("admin", signed_in)
    with time_machine.travel(time.time() + 3590, tick=True):
        browser.sign_in("admin")
        assert value(browser.get(RENAME), "name") == TYPED
    with time_machine.travel(time.time() + 3610, tick=True):
        assert NOT_SENT not in words(browser.get(RENAME))
        Browser().sign_in("viewer")
        assert not Draft.objects.exists(), "each sign-in clears away what is over"


def test_the_table_holds_nothing_that_was_typed_nor_who_typed_it(signed_in: SignedIn) -> None:
    left("admin", signed_in)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM portal_auth_draft")
        row = " ".join(str(cell) for cell in cursor.fetchone())
    for secret in ("canary", "Cold", "user:", "admin"):
        assert secret not in row


def test_thrown_away_it_is_gone_and_the_form_is_as_it_was(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = left("admin", signed_in)
    browser.sign_in("admin")
    platform.clear_requests()
    answer = browser.post("/discard-draft/", {"path": RENAME})
    assert (answer.status_code, answer["Location"]) == (303, RENAME)
    assert NOT_SENT not in words(browser.get(RENAME))
    assert not Draft.objects.exists()
    assert writes(platform) == []


def test_throwing_away_leads_nowhere_else(signed_in: SignedIn) -> None:
    assert signed_in().post("/discard-draft/", {"path": "https://evil.example/"})["Location"] == "/devices/"


# --- what is not kept -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_another_site_plants_nothing(signed_in: SignedIn, site: str) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    headers = {"Sec-Fetch-Site": site} if site else {"Origin": "https://evil.example"}
    send_late(browser, headers=headers)
    assert not Draft.objects.exists()


def test_a_browser_that_was_shown_no_form_leaves_none(browser: Browser) -> None:
    send_late(browser)
    browser.cookies["__Host-draft"] = "someone.somebody:forged"
    send_late(browser)
    assert not Draft.objects.exists()


def test_an_old_browser_is_recognized_by_the_origin_of_its_form(signed_in: SignedIn) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    send_late(browser, headers={"Origin": "https://testserver"})
    assert Draft.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["/devices/1/reveal-token/", "/sign-out/", "/discard-draft/", "/devices/", "/nowhere/"]
)
def test_other_forms_are_not_saved_as_drafts(signed_in: SignedIn, path: str) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    send_late(browser, path)
    assert not Draft.objects.exists()


def test_a_draft_that_is_too_large_is_not_saved_and_the_page_says_so(signed_in: SignedIn) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    answer = browser.post(RENAME, {"name": "x" * drafts.MAX_BYTES}, headers=OURS, follow=True)
    assert "could not be kept" in words(answer)
    assert not Draft.objects.exists()


def test_an_htmx_form_stays_in_the_page_so_no_draft_is_saved(signed_in: SignedIn) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    assert send_late(browser, headers=OURS | HTMX).status_code == 401
    assert not Draft.objects.exists()


def test_a_name_typed_to_confirm_has_to_be_typed_again() -> None:
    assert {"confirm", "without", "password", "csrfmiddlewaretoken", "idempotency_key"} <= drafts.EXCLUDED_FIELDS


def test_one_browser_fills_no_table(signed_in: SignedIn) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    ApiGrant.objects.all().delete()
    for device in range(1, drafts.MAX_DRAFTS + 4):
        send_late(browser, f"/devices/{device}/rename/")
    assert Draft.objects.count() == drafts.MAX_DRAFTS
    assert not Draft.objects.filter(path="/devices/1/rename/").exists(), "the oldest gives way"


# --- the fine print ---------------------------------------------------------------------------------------------------


def test_an_applied_change_leaves_no_draft(signed_in: SignedIn, platform: SandboxServer) -> None:
    """The session ends between the change and its read-back."""
    browser = signed_in("admin")
    path = "/devices/1/transfer-to-owner/"
    assert browser.get(path, {"owner": "12"}).status_code == 200
    platform.fault("/device/baseInfo", "status", status=401, skip=1, times=9)
    platform.fault("/oauth2/token", "json", status=400, body={"error": "invalid_grant"}, times=9)
    answer = browser.post(path, {"owner": "12"}, headers=OURS, follow=True)
    assert ("POST", "/device/transfer/to-owner") in writes(platform)
    assert "Accepted, but not confirmed" in words(answer)
    assert not Draft.objects.exists()


def test_a_reading_that_fails_before_the_change_loses_no_reason(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = signed_in("admin")
    path = "/devices/1/transfer-to-owner/"
    browser.get(path, {"owner": "12"})
    platform.fault("/device/baseInfo", "status", status=503, times=3)
    answer = browser.post(path, {"owner": "12", "reason": WHY}, headers=OURS)
    assert answer.status_code == 502
    assert "Nothing was changed." in words(answer)
    assert "What you had typed is kept" in words(answer)
    assert one(answer, f'main a[href="{path}"]')
    platform.clear_faults()
    assert value(browser.get(path), "reason") == WHY


def test_a_stale_token_keeps_the_typed_values_as_a_draft(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = signed_in("admin", enforce_csrf_checks=False)
    browser.get(RENAME)
    browser.handler.enforce_csrf_checks = True
    assert send_late(browser, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert not Draft.objects.exists(), "another site plants nothing"
    answer = send_late(browser)
    assert answer.status_code == 403
    assert "from an earlier sign-in" in words(answer)
    assert one(answer, f'main a[href="{RENAME}"]')
    assert value(browser.get(RENAME), "name") == TYPED
    assert writes(platform) == []


def test_htmx_with_a_stale_token_gets_a_new_one_beside_its_form(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = signed_in("admin")
    browser.get(RENAME)
    browser.handler.enforce_csrf_checks = True
    answer = send_late(browser, headers=OURS | HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (403, "#session-banner")
    assert "nothing was sent" in words(answer)
    assert "You are signed in as Ingrid Halden." in words(answer), "it may be somebody else by now"
    token = str(one(answer, "[data-fresh-token] input")["value"])
    sent = browser.post(
        RENAME, {"name": TYPED, "csrfmiddlewaretoken": token}, headers=HTMX | {"Referer": "https://testserver/"}
    )
    assert sent.status_code == 200
    assert writes(platform) == [("PUT", "/device")]


# --- every form -------------------------------------------------------------------------------------------------------

FILLED = {
    "/devices/new/": {"template_code": "TMPL2cRm01aQ9", "name": TYPED, "org_id": "2", "owner": "owner@example.com"},
    RENAME: {"name": TYPED, "reason": WHY},
    "/devices/9/metafields/3/": {"value": "A-77", "reason": WHY},
    "/devices/1/trigger-event/": {"code": "door_open", "description": TYPED, "reason": WHY},
    "/devices/1/transfer-to-owner/": {"owner": "12", "reason": WHY},
    "/devices/1/transfer-to-organization/": {"org_id": "2", "reason": WHY},
    "/devices/1/remove-owner/": {"reason": WHY},
    "/devices/1/clear/": {"reason": WHY},
    "/devices/1/delete/": {"reason": WHY},
}


@pytest.mark.parametrize("path", FILLED)
def test_every_form_is_filled_in_again(signed_in: SignedIn, platform: SandboxServer, path: str) -> None:
    browser = left("admin", signed_in, path, **FILLED[path])
    browser.sign_in("admin")
    platform.clear_requests()
    form = browser.get(path)
    assert form.status_code == 200
    assert NOT_SENT in words(form)
    for name, typed in FILLED[path].items():
        assert value(form, name) == typed, name
    assert writes(platform) == []


def test_asking_for_an_organization_that_is_not_listed_loses_nothing(
    signed_in: SignedIn, platform: SandboxServer
) -> None:
    browser = signed_in("admin")
    typed = FILLED["/devices/new/"] | {"org_id": "102"}
    form = browser.post("/devices/new/", typed | {"by_id": "on"})
    assert form.status_code == 200
    for name, kept in typed.items():
        assert value(form, name) == kept, name
    assert one(form, "main input[name=org_id]"), "a field instead of the list"
    assert writes(platform) == []


@pytest.mark.parametrize("path", ["/devices/1/clear/", "/devices/1/delete/"])
def test_what_cannot_be_undone_is_confirmed_anew(signed_in: SignedIn, path: str) -> None:
    browser = left("admin", signed_in, path, reason=WHY, confirm="Cold room 14 - door's sensor", without="on")
    browser.sign_in("admin")
    form = browser.get(path)
    assert value(form, "confirm") == ""
    assert "Type the name again to confirm." in words(form)


def test_a_restored_transfer_can_still_go_to_somebody_else(signed_in: SignedIn) -> None:
    path = "/devices/1/transfer-to-owner/"
    browser = left("admin", signed_in, path, owner="12", reason=WHY)
    browser.sign_in("admin")
    way = one(browser.get(path), "a:-soup-contains('Choose somebody else')")
    first_step = browser.get(path + str(way["href"]).removeprefix(path))
    assert value(first_step, "owner") == ""
    chosen = browser.get(path, {"owner": "30"})
    assert (value(chosen, "owner"), value(chosen, "reason")) == ("30", WHY)


def test_a_secret_is_never_shown_again(signed_in: SignedIn, settings: Any) -> None:
    settings.METAFIELDS_LIKELY = True
    browser = signed_in("admin")
    for link in tree(browser.get("/devices/9/metafields/")).select("a[id^=edit-]"):
        path = str(link["href"])
        if 'type="password"' in browser.get(path).content.decode():
            break
    else:
        raise AssertionError("no secret among the fields of device 9")
    ApiGrant.objects.all().delete()
    send_late(browser, path, value="canary-secret")
    browser.sign_in("admin")
    form = browser.get(path)
    assert NOT_SENT in words(form)
    assert "A secret is not shown: type it again." in words(form)
    assert "canary-secret" not in form.content.decode()
