"""Style sheets and scripts as installed: hashed, compressed, cached."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.template import engines
from django.test import Client

from portal import settings as portal_settings
from portal.static_bundles import BUNDLES, _bundle_url
from tests.portal.conftest import Browser, tree

SOURCES = Path(__file__).resolve().parents[2] / "static"


@pytest.fixture
def installed(settings: Any, tmp_path: Path) -> Iterator[None]:
    """The portal after `collectstatic`, with its own static settings and not those of the tests."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = portal_settings.STORAGES
    settings.WHITENOISE_USE_FINDERS = False
    call_command("collectstatic", interactive=False, verbosity=0)
    engines._engines = {}
    _bundle_url.cache_clear()
    yield
    engines._engines = {}
    _bundle_url.cache_clear()


@pytest.mark.django_db
def test_every_file_of_a_page_has_its_content_in_its_name_and_is_kept_for_ever(installed: None) -> None:
    browser = Browser()
    page = tree(browser.get("/sign-in/"))
    urls = [tag["href"] for tag in page.find_all("link")] + [tag["src"] for tag in page.find_all("script")]
    assert len(urls) == 4
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
def test_style_and_scripts_come_in_one_file_each(installed: None, settings: Any) -> None:
    """A browser paints when the last style sheet has come, and asks for six files at a time."""
    page = tree(Browser().get("/sign-in/"))
    sheets = [str(tag["href"]) for tag in page.find_all("link", rel="stylesheet")]
    scripts = [str(tag["src"]) for tag in page.find_all("script")]
    assert [url.split("/")[-1].split(".")[0] for url in sheets + scripts] == ["all", "htmx-2", "all"]
    for (name, parts), url in zip(BUNDLES.items(), [sheets[0], scripts[1]], strict=True):
        made = (Path(settings.STATIC_ROOT) / url.removeprefix("/static/")).read_text()
        assert made == "\n".join((SOURCES / part).read_text() for part in parts), name


def test_no_sheet_or_script_is_left_out_of_the_bundles() -> None:
    there = {str(path.relative_to(SOURCES)) for kind in ("css", "js") for path in SOURCES.glob(f"{kind}/*")}
    assert there - {"css/guide.css"} == {part for parts in BUNDLES.values() for part in parts}


def test_during_development_a_page_links_the_parts(client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    assert [page.count(f"/static/{part}") for parts in BUNDLES.values() for part in parts] == [1] * 14


@pytest.mark.django_db
def test_a_first_visit_fetches_no_more_than_60_kilobytes(installed: None) -> None:
    """Page, style and scripts as they travel; gzip stands for the proxy in front, which compresses pages."""
    browser = Browser()
    answer = browser.get("/sign-in/")
    page = tree(answer)
    sheets, scripts = page.find_all("link", rel="stylesheet"), page.find_all("script")
    urls = [tag["href"] for tag in sheets] + [tag["src"] for tag in scripts]
    size = len(gzip.compress(answer.content))
    for url in map(str, urls):
        response = browser.get(url, headers={"Accept-Encoding": "gzip, br"})
        size += sum(map(len, response.streaming_content))
        response.close()
    assert size <= 60_000
