"""Who is admitted, what that costs, and the headers of every response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.auth import grants
from portal.auth.models import ApiGrant
from tests.portal.conftest import HTMX, Browser, calls, one, tree, words
from tests.portal.headers import assert_headers
from tests.servers import SandboxServer

pytestmark = pytest.mark.urls("tests.portal.urls")
SignedIn = Callable[..., Browser]


# --- signed out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/look/", "/devices/", "/devices/42/", "/nowhere/", "/sign-out/", "/admin/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_session_everything_leads_to_sign_in(browser: Browser, path: str, method: str) -> None:
    response = getattr(browser, method)(path)
    assert response.status_code == 302
    assert urlsplit(response["Location"]).path == "/sign-in/"


def test_the_way_back_is_kept(browser: Browser) -> None:
    location = browser.get("/devices/42/timeline/?type=CRITICAL&page=2")["Location"]
    assert parse_qs(urlsplit(location).query) == {"next": ["/devices/42/timeline/?type=CRITICAL&page=2"]}


@pytest.mark.parametrize("path", ["/", "/devices/", "/sign-out/"])
def test_the_front_door_needs_no_way_back(browser: Browser, path: str) -> None:
    assert browser.get(path)["Location"] == "/sign-in/"


def test_signed_in_the_root_leads_to_the_devices(signed_in: SignedIn) -> None:
    assert signed_in().get("/")["Location"] == "/devices/"


def test_htmx_gets_a_banner_beside_what_is_on_the_screen(browser: Browser) -> None:
    response = browser.post("/devices/42/rename/", {"name": "x"}, headers=HTMX)
    assert response.status_code == 401
    assert response["HX-Retarget"] == "#session-banner"
    assert response["HX-Reswap"] == "innerHTML"
    assert "HX-Redirect" not in response
    assert tree(response).html is None, "a fragment, not a page"
    link = one(response, "a")
    assert link["href"] == "/sign-in/?next=%2Fdevices%2F%3Fq%3Dpump"
    assert (link["target"], link["rel"]) == ("_blank", ["noopener"])


@pytest.mark.parametrize(
    "url", ["https://evil.example/devices/", "https://testserver//evil.example/", "javascript:1", ""]
)
def test_a_foreign_current_url_is_no_way_back(browser: Browser, url: str) -> None:
    response = browser.get("/look/", headers={"HX-Request": "true", "HX-Current-URL": url})
    assert one(response, "a")["href"] == "/sign-in/"


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_links_and_the_back_button_want_a_page(browser: Browser, header: str) -> None:
    assert browser.get("/look/", headers={**HTMX, header: "true"}).status_code == 302


def test_only_an_existing_session_is_reported_as_ended(browser: Browser, platform: SandboxServer) -> None:
    sentence = "Your session has ended."
    assert sentence not in words(browser.get("/look/", follow=True))
    browser.sign_in("admin")
    ApiGrant.objects.all().delete()
    assert sentence in words(browser.get("/look/", follow=True))


def test_a_session_without_a_grant_gets_the_form_and_no_loop(browser: Browser, platform: SandboxServer) -> None:
    browser.sign_in("admin")
    ApiGrant.objects.update(revoked=True)
    page = browser.get("/look/", follow=True)
    assert [status for _, status in page.redirect_chain] == [302]
    assert page.status_code == 200
    assert browser.sign_in("admin", next="/look/")["Location"] == "/look/"


def test_a_session_signed_out_elsewhere_during_a_request_leads_to_sign_in(signed_in: SignedIn) -> None:
    response = signed_in().get("/interrupted/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Finterrupted%2F")
    assert signed_in().get("/interrupted/", headers=HTMX).status_code == 401


# --- signed in --------------------------------------------------------------------------------------------------------


def test_a_signed_in_request_costs_two_queries_and_no_call(
    signed_in: SignedIn, platform: SandboxServer, django_assert_num_queries: Any
) -> None:
    browser = signed_in()
    with django_assert_num_queries(2) as queries:
        assert browser.get("/look/").status_code == 200
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "SELECT"]
    assert platform.requests() == []


def test_a_request_that_asks_the_platform_costs_no_further_query(
    signed_in: SignedIn, platform: SandboxServer, django_assert_num_queries: Any
) -> None:
    browser = signed_in()
    with django_assert_num_queries(2):
        assert browser.get("/ask/").content == b"Halden Cooling"
    assert calls(platform, "/organization/profile") == 1


def test_no_page_writes_the_session(signed_in: SignedIn) -> None:
    browser = signed_in()
    for path in ("/look/", "/fail/NotFound/", "/devices/"):
        response = browser.get(path)
        assert not response.wsgi_request.session.modified
        assert not {name for name in response.cookies if name != "__Host-csrf"}, "nothing is set or deleted"


def test_the_person_is_who_signed_in_and_the_scope_is_not_the_handle(signed_in: SignedIn) -> None:
    one, two = signed_in("viewer"), signed_in("viewer")
    content = [browser.get("/look/").content.decode().split() for browser in (one, two)]
    assert [person for person, _, _ in content] == ["viewer@example.com"] * 2
    assert content[0][1] != content[1][1], "each sign-in has caches of its own"
    for handle in ApiGrant.objects.values_list("handle", flat=True):
        assert not {content[0][1], content[1][1]} & {handle, handle[:32]}


def test_the_request_id_reaches_the_platform_and_the_person(signed_in: SignedIn, platform: SandboxServer) -> None:
    response = signed_in().get("/ask/")
    assert platform.requests()[-1]["request_id"] == response["X-Request-ID"]
    assert len(response["X-Request-ID"]) == 32


def test_a_request_id_from_outside_is_not_taken_over(signed_in: SignedIn) -> None:
    assert signed_in().get("/look/", headers={"X-Request-ID": "forged"})["X-Request-ID"] != "forged"


# --- tokens that end --------------------------------------------------------------------------------------------------


def test_a_token_that_ends_upstream_is_renewed_once_and_the_page_is_shown(
    signed_in: SignedIn, platform: SandboxServer
) -> None:
    browser = signed_in()
    platform.expire_tokens()
    assert browser.get("/ask/").content == b"Halden Cooling"
    assert calls(platform, "/oauth2/token") == 1
    assert browser.get("/ask/").status_code == 200
    assert calls(platform, "/oauth2/token") == 1


def test_a_lost_family_leads_to_sign_in_and_back_here(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = signed_in()
    platform.expire_tokens(refresh=True)
    response = browser.get("/ask/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Fask%2F")
    assert "Your session has ended." in words(browser.get(response["Location"]))
    assert browser.sign_in("admin", next="/ask/")["Location"] == "/ask/"
    assert browser.get("/ask/").content == b"Halden Cooling"


def test_a_lost_family_gives_htmx_the_banner(signed_in: SignedIn, platform: SandboxServer) -> None:
    browser = signed_in()
    platform.expire_tokens(refresh=True)
    response = browser.get("/ask/", headers=HTMX)
    assert response.status_code == 401
    assert response["HX-Retarget"] == "#session-banner"


def test_a_platform_that_refuses_new_tokens_too_ends_in_sign_in_and_not_in_a_loop(
    signed_in: SignedIn, platform: SandboxServer
) -> None:
    browser = signed_in()
    platform.fault("/profile", "status", status=401)
    response = browser.get("/ask/", follow=True)
    assert [status for _, status in response.redirect_chain] == [302]
    assert calls(platform, "/oauth2/token") == 1, "one refresh, one repeat"
    assert calls(platform, "/organization/profile") == 2


def test_trouble_while_renewing_is_a_page_of_its_own_and_signs_nobody_out(
    signed_in: SignedIn, platform: SandboxServer
) -> None:
    browser = signed_in()
    platform.expire_tokens()
    platform.fault("/oauth2/token", "status", status=500, times=1)
    assert browser.get("/ask/").status_code == 502
    assert browser.get("/ask/").status_code == 200


# --- what every answer carries ----------------------------------------------------------------------------------------

ANSWERS = [
    ("signed out", "/look/", 302),
    ("sign-in", "/sign-in/", 200),
    ("page", "/look/", 200),
    ("not found", "/nowhere/", 404),
    ("platform error", "/fail/Unreachable/", 503),
    ("crash", "/crash/", 500),
    ("odd request", "/refuse/odd/", 400),
    ("wrong method", "/post-only/", 405),
    ("missing slash", "/look", 301),
    ("static", "/static/css/base.css", 200),
    ("no such static", "/static/none.css", 404),
]


@pytest.mark.parametrize(("what", "path", "status"), ANSWERS, ids=[what for what, _, _ in ANSWERS])
@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_headers_are_on_every_answer(
    browser: Browser, platform: SandboxServer, what: str, path: str, status: int, htmx: bool
) -> None:
    if what not in ("signed out", "sign-in"):
        browser.sign_in("admin")
    browser.raise_request_exception = False
    response = browser.get(path, headers=HTMX if htmx else {})
    assert response.status_code == (401 if htmx and what == "signed out" else status)
    assert_headers(response, static=what == "static")
    response.close()


def test_pages_are_compressed_and_never_the_same_length_twice(signed_in: SignedIn) -> None:
    """Django pads gzip at random, so that a page's length does not reveal its content (BREACH)."""
    browser = signed_in()
    headers = {"Accept-Encoding": "gzip, br"}
    answers = [browser.get("/nowhere/", headers=headers) for _ in range(12)]
    assert {answer["Content-Encoding"] for answer in answers} == {"gzip"}
    assert len({len(answer.content) for answer in answers}) > 4


def test_a_host_that_is_not_ours_is_refused_with_a_page(browser: Browser) -> None:
    response = browser.get("/devices/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "cannot read this request" in words(response)


def test_the_list_of_paths_open_to_anybody_is_short() -> None:
    from portal.middleware import access

    assert sorted(access.EXEMPT) == ["/sign-in/", "/sso/backchannel-logout/", "/sso/callback/", "/sso/start/"]
    assert access.EXEMPT_PREFIXES == ("/static/",)
    assert grants.SESSION_KEY == "grant"
