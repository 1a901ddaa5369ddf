"""Redirects lead only to this site."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from portal.safe_redirects import HOME, local_path

REQUEST = RequestFactory().get("/", secure=True)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/devices/7/", "/devices/7/"),
        ("/devices/?q=a%20b&page=2", "/devices/?q=a%20b&page=2"),
        ("/devices/?q=ü", "/devices/?q=%C3%BC"),
        ("https://testserver/devices/7/?x=1#tags", "/devices/7/?x=1"),
        ("/devices/?next=https://evil.example/", "/devices/?next=https://evil.example/"),
        ("/%2f%2fevil.example", "/%2f%2fevil.example"),
    ],
)
def test_our_own_pages_are_kept(url: str, path: str) -> None:
    assert local_path(REQUEST, url) == path


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://evil.example/devices/",
        "http://testserver/devices/",
        "//evil.example/",
        "///evil.example/",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "\x00/devices/",
        "/devices/\r\nSet-Cookie: a=b",
        "https:evil.example",
        "https:///evil.example",
        "http:/evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://testserver@evil.example/",
        "https://testserver.evil.example/",
        "https://evil.example\\@testserver/",
        "https://testserver//evil.example/",
        "https://testserver",
        "devices/",
        "?q=1",
        "https://[::1/",
        "/sign-in/",
        "/sign-in/?next=/sign-in/",
        "/sign-out/",
        "/",
        "/devices/?q=" + "a" * 2000,
    ],
)
def test_everything_else_leads_home(url: str | None) -> None:
    assert local_path(REQUEST, url) == HOME


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(["/", "\\", "https:", "evil.example", "testserver", "@", "\t", "%2f", "?", "#", ":", "a"])
        ).map("".join),
    )
)
def test_whatever_comes_the_answer_is_a_path_here(url: str) -> None:
    path = local_path(REQUEST, url)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isascii()
    assert path.isprintable()
    parts = urlsplit(path)
    assert not parts.scheme
    assert not parts.netloc
