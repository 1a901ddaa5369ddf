"""The style guide: for developers alone, and what it shows of colours is so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.urls import path

from portal import styleguide
from portal.urls import urlpatterns as without
from tests.portal.conftest import Browser

urlpatterns = [*without, path("styleguide/", styleguide.styleguide)]
"""As in DEBUG."""


def test_it_is_there_for_developers_alone(signed_in: Callable[..., Browser], settings: Any) -> None:
    viewer = signed_in("viewer")
    assert viewer.get("/styleguide/").status_code == 404
    settings.ROOT_URLCONF = __name__
    answer = viewer.get("/styleguide/")
    assert answer.status_code == 200
    page = BeautifulSoup(answer.content, "html.parser")
    assert [side["data-theme"] for side in page.select(".guide-side")] == ["light", "dark"] * 9
    ids = [tag["id"] for tag in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert not page.select("[style]")
    assert styleguide.HOSTILE in page.get_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_read_on_every_ground_it_may_stand_on(theme: str) -> None:
    found = {colour.name: colour for colour in styleguide.colours(theme)}
    assert found.keys() >= styleguide.PAIRS.keys()
    faint = [
        f"{colour.name} on {ground}: {ratio:.2f}, needs {needed}"
        for colour in found.values()
        for ground, ratio, needed in colour.pairs
        if ratio < needed
    ]
    assert faint == []


def test_contrast_is_counted_as_the_guidelines_count_it() -> None:
    assert styleguide.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert styleguide.contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


def test_shortcuts_are_a_page_and_a_piece(signed_in: Callable[..., Browser]) -> None:
    viewer = signed_in("viewer")
    page = viewer.get("/shortcuts/").content.decode()
    assert "<h1>Keyboard shortcuts</h1>" in page
    assert "data-keys" in page
    piece = viewer.get("/shortcuts/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in piece
    assert 'id="dialog-title"' in piece
