"""Style and scripts as a real installation serves them: hashed, compressed, kept for ever."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.management import call_command
from django.template import engines

from portal import settings as portal_settings
from tests.portal.conftest import Browser


@pytest.fixture
def installed(settings: Any, tmp_path: Path) -> Iterator[None]:
    """The portal after `collectstatic`, with its own static settings and not those of the tests."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = portal_settings.STORAGES
    settings.WHITENOISE_USE_FINDERS = False
    call_command("collectstatic", interactive=False, verbosity=0)
    engines._engines = {}
    yield
    engines._engines = {}


@pytest.mark.django_db
def test_every_file_of_a_page_has_its_content_in_its_name_and_is_kept_for_ever(installed: None) -> None:
    browser = Browser()
    page = BeautifulSoup(browser.get("/sign-in/").content, "html.parser")
    urls = [tag["href"] for tag in page.find_all("link")] + [tag["src"] for tag in page.find_all("script")]
    assert len(urls) >= 4
    for url in map(str, urls):
        assert re.fullmatch(r"/static/.+\.[0-9a-f]{12}\.(css|js|svg)", url), url
        response = browser.get(url, headers={"Accept-Encoding": "gzip, br"})
        assert response.status_code == 200, url
        assert "immutable" in response["Cache-Control"]
        if len(b"".join(response.streaming_content)) > 1000:  # a smaller one gains nothing by it
            assert response["Content-Encoding"] == "br"
        assert not response.cookies
        response.close()


@pytest.mark.django_db
def test_a_first_visit_fetches_no_more_than_60_kilobytes(installed: None) -> None:
    """Page, style and scripts as they travel; gzip stands for the proxy in front, which compresses pages."""
    browser = Browser()
    answer = browser.get("/sign-in/")
    page = BeautifulSoup(answer.content, "html.parser")
    sheets, scripts = page.find_all("link", rel="stylesheet"), page.find_all("script")
    urls = [tag["href"] for tag in sheets] + [tag["src"] for tag in scripts]
    size = len(gzip.compress(answer.content))
    for url in map(str, urls):
        response = browser.get(url, headers={"Accept-Encoding": "gzip, br"})
        size += sum(map(len, response.streaming_content))
        response.close()
    assert size <= 60_000
