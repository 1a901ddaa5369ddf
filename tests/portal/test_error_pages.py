"""Error responses, as a page and as a fragment, with the true status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal import error_pages
from tests.html import one, soup
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
def test_each_platform_error_is_a_page_and_a_fragment_with_its_status(signed_in: SignedIn, kind: str) -> None:
    status, sentence = KINDS[kind]
    browser = signed_in()
    page, fragment = browser.get(f"/fail/{kind}/"), browser.get(f"/fail/{kind}/", headers=HTMX)
    for response in (page, fragment):
        assert response.status_code == status
        assert response["X-Request-ID"] in words(response)
        assert "Nothing was changed." in words(response)
        assert CANARY.encode() not in response.content
        assert b"upstream words" not in response.content
    assert one(page, "h1").get_text() == sentence
    assert sentence.rstrip(".") in one(page, "title").get_text()
    assert one(page, "form[action='/sign-out/']"), "the frame of a signed-in page"
    assert soup(fragment).html is None
    assert sentence in words(fragment)
    assert one(fragment, "[role=alert]")
    assert "HX-Retarget" not in fragment.headers


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_only_a_read_has_a_retry_link(signed_in: SignedIn, headers: dict[str, str]) -> None:
    browser = signed_in()
    assert one(browser.get("/fail/TimedOut/?after=1", headers=headers), "a[href='/fail/TimedOut/?after=1']")
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
def test_a_failed_write_states_whether_anything_was_changed(signed_in: SignedIn, path: str, known: bool) -> None:
    page = words(signed_in().post(path))
    assert ("Nothing was changed." in page) is known
    assert ("It is not known whether the change was made." in page) is not known


def test_a_fragment_states_that_the_outcome_is_unknown(signed_in: SignedIn) -> None:
    fragment = signed_in().post("/fail/TimedOut/sent/?operation=delete_device", headers=HTMX)
    assert "It is not known whether the change was made." in words(fragment)


@pytest.mark.parametrize(("kind", "header"), [("RateLimited", "8"), ("Unreachable", "8"), ("ServerFault", None)])
def test_retry_after_is_passed_on(signed_in: SignedIn, kind: str, header: str | None) -> None:
    browser = signed_in()
    assert browser.get(f"/fail/{kind}/?after=7.2").headers.get("Retry-After") == header
    assert "Retry-After" not in browser.get(f"/fail/{kind}/").headers


def test_a_wait_is_stated_in_seconds(signed_in: SignedIn) -> None:
    browser = signed_in()
    assert "8 seconds" in words(browser.get("/fail/RateLimited/?after=7.2"))
    assert "1 second." in words(browser.get("/fail/RateLimited/?after=1", headers=HTMX))
    assert "does not say how long" in words(browser.get("/fail/RateLimited/"))


# --- missing permissions ----------------------------------------------------------------------------------------------


def test_a_missing_permission_is_named_with_a_message_to_the_admin(signed_in: SignedIn) -> None:
    response = signed_in("viewer").get("/fail/Forbidden/?operation=rename_device")
    assert "ORG_DEVICES_EDIT" in [code.get_text() for code in soup(response).select("code.perm")]
    assert "lacks" in words(response)
    letter = one(response, "#admin-request").get_text()
    for part in ("viewer@example.com", "Halden Cooling", "ORG_DEVICES_EDIT", "https://testserver/fail/Forbidden/"):
        assert part in letter
    assert one(response, "button[data-copy]")["data-copy"] == letter


def test_a_fragment_names_the_missing_permission_too(signed_in: SignedIn) -> None:
    response = signed_in("viewer").get("/fail/Forbidden/?operation=rename_device", headers=HTMX)
    assert response.status_code == 403
    assert "ORG_DEVICES_EDIT" in words(response)


def test_a_refusal_despite_all_permissions_names_none(signed_in: SignedIn) -> None:
    content = words(signed_in("admin").get("/fail/Forbidden/?operation=rename_device"))
    assert "lacks" not in content
    assert "sign out and in again" in content


def test_a_refused_device_of_another_owner_is_explained(signed_in: SignedIn) -> None:
    content = words(signed_in("owner").get("/fail/Forbidden/?operation=get_device"))
    assert "ORG_DEVICES_VIEW" in content
    assert "You are not this device's owner" in content
    assert "sign out and in again" not in content


@pytest.mark.parametrize(
    ("person", "operation"),
    [
        ("viewer", "list_devices_by_owner"),
        ("owner", "list_devices_by_owner"),
        ("installer", "create_device"),
        ("viewer", "list_devices_by_user"),
    ],
)
def test_a_refusal_does_not_guess_its_subject(signed_in: SignedIn, person: str, operation: str) -> None:
    """The call may have concerned the person themselves: nobody is sent to ask for a right that would not help."""
    content = words(signed_in(person).get(f"/fail/Forbidden/?operation={operation}"))
    assert "ORG_VIEW_USERS" not in content
    assert "not you" not in content
    assert "not this device's owner" not in content


def test_a_refused_unknown_operation_is_a_page(signed_in: SignedIn) -> None:
    assert signed_in("admin").get("/fail/Forbidden/?operation=no_such_thing").status_code == 403


def test_a_missing_portal_right_names_who_can_grant_it(signed_in: SignedIn) -> None:
    assert signed_in("admin").get("/right/").content == b"audit"
    response = signed_in("viewer").get("/right/")
    content = words(response)
    assert response.status_code == 403
    assert "This needs the portal right PORTAL_AUDIT." in content
    assert "Ask the portal’s administrator" in content
    assert "platform refused" not in content
    letter = one(response, "#admin-request").get_text()
    for part in ("viewer@example.com", "PORTAL_AUDIT", "ACCESS_ROLES", "https://testserver/right/"):
        assert part in letter
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
def test_the_portals_own_errors_have_pages_and_fragments(
    signed_in: SignedIn, path: str, status: int, sentence: str
) -> None:
    browser = signed_in(raise_request_exception=False)
    for headers in ({}, HTMX):
        response = browser.get(path, headers=headers)
        assert response.status_code == status
        assert sentence in words(response)
        assert response["X-Request-ID"] in words(response)
        assert bool(soup(response).html) is not bool(headers)
        assert b"upstream words" not in response.content
        assert b"Traceback" not in response.content


def test_a_wrong_method_has_an_allow_header(signed_in: SignedIn) -> None:
    browser = signed_in()
    assert browser.get("/post-only/")["Allow"] == "POST"
    assert browser.delete("/read-only/")["Allow"] == "GET, HEAD"
    assert browser.head("/post-only/").status_code == 405


def test_the_crash_page_uses_no_database(signed_in: SignedIn, django_assert_num_queries: Any) -> None:
    browser = signed_in(raise_request_exception=False)
    with django_assert_num_queries(2):  # session and grant, read before the view
        assert browser.get("/crash/").status_code == 500


def test_a_dead_database_is_a_page(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError

    from portal.auth.session_store import SessionStore

    browser = signed_in(raise_request_exception=False)

    def dead(self: SessionStore) -> dict[str, Any]:
        raise DatabaseError("disk is full")

    monkeypatch.setattr(SessionStore, "load", dead)
    response = browser.get("/look/")
    assert response.status_code == 500
    assert "The portal has made a mistake." in words(response)


def test_a_failing_error_page_falls_back_to_plain_text(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no templates")

    browser = signed_in(raise_request_exception=False)
    monkeypatch.setattr(error_pages, "render", broken)
    response = browser.get("/crash/")
    assert response.status_code == 500
    assert response["Content-Type"] == "text/plain"
    assert response["X-Request-ID"] in response.content.decode()


def test_platform_errors_are_logged_once_with_the_request(
    signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    response = signed_in().get("/fail/ServerFault/?operation=get_device")
    lines = [record.getMessage() for record in caplog.records if record.name == "portal.error_pages"]
    (line,) = lines
    assert response["X-Request-ID"] in line
    assert "get_device" in line
    assert "upstream words" not in caplog.text
