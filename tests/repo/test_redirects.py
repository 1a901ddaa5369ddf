"""Few modules redirect a browser, and only to the portal's own pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devices.core.responses import SeeOther

ROOT = Path(__file__).resolve().parents[2]

HEADERS = r"(?:HX-Redirect|HX-Location|HX-Push-Url|HX-Replace-Url|Location|Refresh)"
TARGETS = re.compile(
    rf"""\[["']{HEADERS}["']\]\s*=|["']{HEADERS}["']\s*:.*(?:url|path|target|https?:)|setdefault\(["']{HEADERS}"""
    r"|\b(?:HttpResponseClientRedirect|HttpResponseLocation|push_url|replace_url)\("
    r"|\b(?:HttpResponse(?:Permanent)?Redirect|redirect)\("
    r"|\bRedirectView\."
)
"""Code that redirects a browser or changes its address bar."""
ALLOWED = {
    "devices/core/responses.py": "redirect_to and SeeOther, which refuse what is not a path of this site",
    "devices/audit/views.py": "its own address with the query that was understood",
    "devices/lists/search.py": "its own address with the query that was understood; to the person's own devices",
    "devices/lists/people.py": "to the person's own devices",
    "devices/changes/writes/token.py": "Refresh: to its own address, which hides a token after a while",
    "portal/auth/auth_responses.py": "to sign-in, `next` through portal.safe_redirects; Refresh: to the sign-on",
    "portal/auth/sso/views.py": "to the company's provider, at the address of its checked description",
    "portal/urls.py": "/ leads to the devices",
}


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for room in ("portal", "devices")
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def test_only_the_named_modules_send_a_browser_somewhere() -> None:
    """Others use devices.core.responses.SeeOther or redirect_to, or are named here with the reason."""
    found = {name for name, text in sources().items() if TARGETS.search(text)}
    assert found - set(ALLOWED) == set()


@pytest.mark.parametrize(
    "line",
    [
        'response["HX-Redirect"] = request.GET["next"]',
        "response.headers['HX-Push-Url'] = url",
        'HttpResponse(status=302, headers={"Location": url})',
        "return HttpResponseRedirect(url)",
        "return redirect(request.POST['next'])",
        "return replace_url(response, url)",
    ],
)
def test_the_search_finds_each_kind_of_redirect(line: str) -> None:
    assert TARGETS.search(line)


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "", "a/"]
)
def test_a_redirect_to_another_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="own paths"):
        SeeOther(url)
