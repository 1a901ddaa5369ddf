"""What a person reads when something goes wrong, as a page and as a fragment, with the true status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup

from portal import error_pages
from tests.portal.conftest import HTMX, Browser, words
from tests.portal.urls import CANARY

pytestmark = pytest.mark.urls("tests.portal.urls")
SignedIn = Callable[..., Browser]

KINDS = {
    "Unreachable": (503, "The platform cannot be reached."),
    "TimedOut": (504, "The platform did not answer in time."),
    "ServerFault": (502, "The platform reported an internal error."),
    "BadReply": (502, "The platform's answer could not be read."),
    "NotFound": (404, "This is gone, or outside your reach."),
    "Forbidden": (403, "You may not do this."),
    "RateLimited": (429, "The platform asks us to wait: too many requests."),
    "Rejected": (422, "The platform refused this input."),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_the_platform_is_a_page_with_its_true_status(signed_in: SignedIn, kind: str) -> None:
    status, sentence = KINDS[kind]
    response = signed_in().get(f"/fail/{kind}/")
    assert response.status_code == status
    page = BeautifulSoup(response.content, "html.parser")
    assert page.h1
    assert page.h1.get_text() == sentence
    assert page.title
    assert sentence.rstrip(".") in page.title.get_text()
    assert response["X-Request-ID"] in words(response)
    assert "Nothing was changed." in words(response)
    assert page.find("form", action="/sign-out/"), "the frame of a signed-in page"
    assert CANARY.encode() not in response.content
    assert b"upstream words" not in response.content


@pytest.mark.parametrize("kind", KINDS)
def test_htmx_gets_the_same_as_a_fragment(signed_in: SignedIn, kind: str) -> None:
    status, sentence = KINDS[kind]
    response = signed_in().get(f"/fail/{kind}/", headers=HTMX)
    assert response.status_code == status
    page = BeautifulSoup(response.content, "html.parser")
    assert page.html is None
    assert sentence in words(response)
    assert page.find(role="alert")
    assert response["X-Request-ID"] in words(response)
    assert "HX-Retarget" not in response.headers


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_read_can_be_tried_again_and_a_write_is_never_a_link(signed_in: SignedIn, headers: dict[str, str]) -> None:
    browser = signed_in()
    page = BeautifulSoup(browser.get("/fail/TimedOut/?after=1", headers=headers).content, "html.parser")
    assert page.find("a", href="/fail/TimedOut/?after=1")
    assert "Try again" not in words(browser.post("/fail/TimedOut/", headers=headers))


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/fail/Unreachable/unsent/", True),
        ("/fail/TimedOut/unsent/", True),
        ("/fail/Unreachable/sent/?operation=rename_device", False),
        ("/fail/TimedOut/sent/?operation=delete_device", False),
        ("/fail/ServerFault/sent/?operation=transfer_to_owner", False),
        ("/fail/BadReply/sent/?operation=rename_device", False),
        ("/fail/Forbidden/sent/?operation=rename_device", True),
        ("/fail/NotFound/sent/?operation=rename_device", True),
        ("/fail/RateLimited/sent/?operation=rename_device", True),
        ("/fail/Rejected/sent/?operation=rename_device", True),
        # What a change reads before it is sent: the change itself never went out.
        ("/fail/TimedOut/sent/?operation=get_base_info", True),
        ("/fail/ServerFault/sent/?operation=list_metafields", True),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_after_a_failed_write_it_is_said_whether_anything_was_changed(
    signed_in: SignedIn, path: str, known: bool, headers: dict[str, str]
) -> None:
    said = words(signed_in().post(path, headers=headers))
    assert ("Nothing was changed." in said) is known
    assert ("It is not known whether the change was made." in said) is not known


@pytest.mark.parametrize(("kind", "header"), [("RateLimited", "8"), ("Unreachable", "8"), ("ServerFault", None)])
def test_the_platforms_wish_to_wait_is_passed_on(signed_in: SignedIn, kind: str, header: str | None) -> None:
    browser = signed_in()
    assert browser.get(f"/fail/{kind}/?after=7.2").headers.get("Retry-After") == header
    assert "Retry-After" not in browser.get(f"/fail/{kind}/").headers


def test_a_wait_is_told_in_seconds(signed_in: SignedIn) -> None:
    browser = signed_in()
    assert "8 seconds" in words(browser.get("/fail/RateLimited/?after=7.2"))
    assert "1 second." in words(browser.get("/fail/RateLimited/?after=1", headers=HTMX))
    assert "does not say how long" in words(browser.get("/fail/RateLimited/"))


# --- missing permissions ----------------------------------------------------------------------------------------------


def test_a_missing_permission_is_named_with_the_role_and_a_letter_to_send(signed_in: SignedIn) -> None:
    response = signed_in("viewer").get("/fail/Forbidden/?operation=rename_device")
    page = BeautifulSoup(response.content, "html.parser")
    said = words(response)
    assert "ORG_DEVICES_EDIT" in [code.get_text() for code in page.select("code.perm")]
    assert "lacks" in said
    letter = page.find(id="admin-request")
    assert letter
    text = letter.get_text()
    for part in ("viewer@example.com", "Halden Cooling", "ORG_DEVICES_EDIT", "https://testserver/fail/Forbidden/"):
        assert part in text
    copy = page.find("button", attrs={"data-copy": True})
    assert copy
    assert copy["data-copy"] == text


def test_a_fragment_names_the_missing_permission_too(signed_in: SignedIn) -> None:
    response = signed_in("viewer").get("/fail/Forbidden/?operation=rename_device", headers=HTMX)
    assert response.status_code == 403
    assert "ORG_DEVICES_EDIT" in words(response)


def test_a_refusal_despite_all_permissions_does_not_invent_a_missing_one(signed_in: SignedIn) -> None:
    said = words(signed_in("admin").get("/fail/Forbidden/?operation=rename_device"))
    assert "lacks" not in said
    assert "sign out and in again" in said


def test_somebody_elses_device_is_explained_by_the_owner_and_not_by_a_change_of_role(signed_in: SignedIn) -> None:
    said = words(signed_in("owner").get("/fail/Forbidden/?operation=get_device"))
    assert "ORG_DEVICES_VIEW" in said
    assert "You are not this device's owner" in said
    assert "sign out and in again" not in said


@pytest.mark.parametrize(
    ("person", "operation"),
    [
        ("viewer", "list_devices_by_owner"),
        ("owner", "list_devices_by_owner"),
        ("installer", "create_device"),
        ("viewer", "list_devices_by_user"),
    ],
)
def test_what_a_refusal_was_about_is_not_guessed(signed_in: SignedIn, person: str, operation: str) -> None:
    """The call may have concerned the person themselves: nobody is sent to ask for a right that would not help."""
    said = words(signed_in(person).get(f"/fail/Forbidden/?operation={operation}"))
    assert "ORG_VIEW_USERS" not in said
    assert "not you" not in said
    assert "not this device's owner" not in said


def test_a_refusal_of_something_unknown_is_still_a_page(signed_in: SignedIn) -> None:
    assert signed_in("admin").get("/fail/Forbidden/?operation=no_such_thing").status_code == 403


def test_a_missing_right_of_the_portal_is_named_and_so_is_who_can_give_it(signed_in: SignedIn) -> None:
    assert signed_in("admin").get("/right/").content == b"audit"
    response = signed_in("viewer").get("/right/")
    said = words(response)
    assert response.status_code == 403
    assert "This needs the portal right PORTAL_AUDIT." in said
    assert "Ask the portal’s administrator" in said
    assert "platform refused" not in said
    letter = BeautifulSoup(response.content, "html.parser").find(id="admin-request")
    assert letter
    for part in ("viewer@example.com", "PORTAL_AUDIT", "ACCESS_ROLES", "https://testserver/right/"):
        assert part in letter.get_text()
    assert "PORTAL_AUDIT" in words(signed_in("viewer").get("/right/", headers=HTMX))


# --- our own ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nowhere/", 404, "There is no page with this address."),
        ("/refuse/missing/", 404, "There is no page with this address."),
        ("/refuse/denied/", 403, "You may not do this."),
        ("/refuse/odd/", 400, "The portal cannot read this request."),
        ("/crash/", 500, "The portal has made a mistake."),
        ("/post-only/", 405, "This address cannot be used in this way."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_the_portals_own_errors_have_pages_too(
    signed_in: SignedIn, path: str, status: int, sentence: str, headers: dict[str, str]
) -> None:
    browser = signed_in(raise_request_exception=False)
    response = browser.get(path, headers=headers)
    assert response.status_code == status
    assert sentence in words(response)
    assert response["X-Request-ID"] in words(response)
    assert bool(BeautifulSoup(response.content, "html.parser").html) is not bool(headers)
    assert b"upstream words" not in response.content
    assert b"Traceback" not in response.content


def test_a_wrong_method_says_which_are_right(signed_in: SignedIn) -> None:
    browser = signed_in()
    assert browser.get("/post-only/")["Allow"] == "POST"
    assert browser.delete("/read-only/")["Allow"] == "GET, HEAD"
    assert browser.head("/post-only/").status_code == 405


def test_the_page_of_a_crash_asks_no_database(signed_in: SignedIn, django_assert_num_queries: Any) -> None:
    browser = signed_in(raise_request_exception=False)
    with django_assert_num_queries(2):  # session and grant, read before the view
        assert browser.get("/crash/").status_code == 500


def test_a_dead_database_is_a_page_and_not_a_traceback(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError

    from portal.auth.session_store import SessionStore

    browser = signed_in(raise_request_exception=False)

    def dead(self: SessionStore) -> dict[str, Any]:
        raise DatabaseError("disk is full")

    monkeypatch.setattr(SessionStore, "load", dead)
    response = browser.get("/look/")
    assert response.status_code == 500
    assert "The portal has made a mistake." in words(response)


def test_when_even_the_error_page_fails_words_remain(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no templates")

    browser = signed_in(raise_request_exception=False)
    monkeypatch.setattr(error_pages, "render", broken)
    response = browser.get("/crash/")
    assert response.status_code == 500
    assert response["Content-Type"] == "text/plain"
    assert response["X-Request-ID"] in response.content.decode()


def test_errors_of_the_platform_are_written_down_once_with_the_request(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    response = signed_in().get("/fail/ServerFault/?operation=get_device")
    lines = [record.getMessage() for record in caplog.records if record.name == "portal.error_pages"]
    (line,) = lines
    assert response["X-Request-ID"] in line
    assert "get_device" in line
    assert "upstream words" not in caplog.text
