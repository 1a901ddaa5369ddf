"""Requests from pages of other sites."""

from __future__ import annotations

from typing import Any

import pytest

from portal.auth.models import ApiGrant
from tests.portal.addresses import KNOWN, Address
from tests.portal.conftest import HTMX, Browser, calls, words
from tests.servers import SandboxServer


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "nonsense", ""])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_no_other_site_can_sign_anybody_in_or_out(
    browser: Browser, platform: SandboxServer, site: str, headers: dict[str, str]
) -> None:
    sent = {**headers, "Sec-Fetch-Site": site}
    fields = {"username": "admin@example.com", "password": "demo"}
    response = browser.post("/sign-in/", fields, headers=sent)
    assert response.status_code == 403
    assert "This request came from another site. Nothing was changed." in words(response)
    assert calls(platform, "/oauth2/token") == 0
    assert browser.post("/sign-in/", fields, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert browser.post("/sign-out/", headers=sent).status_code == 403
    assert ApiGrant.objects.exists()


@pytest.mark.parametrize("address", KNOWN, ids=lambda address: address.name)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_every_address_refuses_writes_from_elsewhere_before_anything_is_read(
    browser: Browser, platform: SandboxServer, address: Address, method: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = getattr(browser, method)(address.path(), headers={**HTMX, "Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert "came from another site" in words(response)


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_browsers_of_every_age_can_use_the_portal(browser: Browser, platform: SandboxServer, site: str | None) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    fields = {"username": "admin@example.com", "password": "demo"}
    assert browser.post("/sign-in/", fields, headers=headers).status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_in_a_ticket_leads_here(browser: Browser, platform: SandboxServer, site: str) -> None:
    browser.sign_in("admin")
    assert browser.get("/devices/1/", headers={"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_header_does_not_stand_in_for_the_token_of_the_form(platform: SandboxServer, site: str) -> None:
    browser = Browser(enforce_csrf_checks=True)
    response = browser.post(
        "/sign-in/", {"username": "admin@example.com", "password": "demo"}, headers={**HTMX, "Sec-Fetch-Site": site}
    )
    assert response.status_code == 403
    assert "This form is no longer valid." in words(response)
