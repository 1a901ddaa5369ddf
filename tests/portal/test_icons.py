"""Icons are inline SVG, hidden from assistive technology unless they have a label."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup, Tag

from portal.icons import icon


def svg(markup: str) -> Tag:
    found = BeautifulSoup(markup, "html.parser").svg
    assert found
    return found


def test_an_icon_is_plain_svg() -> None:
    markup = str(icon("circle-question-mark"))
    drawn = svg(markup)
    assert drawn["viewbox"] == "0 0 24 24"
    assert drawn.find_all(True), "it has shapes"
    assert "&" not in markup, "no markup shown as text"
    assert "style" not in markup
    assert "xmlns" not in markup
    assert "\n" not in markup


def test_an_icon_is_hidden_unless_it_has_a_label() -> None:
    assert svg(icon("search"))["aria-hidden"] == "true"
    alone = svg(icon("search", 18, 'Find "x" <b>'))
    assert (alone["role"], alone["aria-label"]) == ("img", 'Find "x" <b>')
    assert "aria-hidden" not in alone.attrs
    assert "<b>" not in str(icon("search", 18, "<b>")).replace("<svg", "")


def test_small_icons_have_thicker_strokes() -> None:
    small, large = svg(icon("online", 14)), svg(icon("online", 22))
    assert (small["width"], small["height"], small["stroke-width"]) == ("14", "14", "2.25")
    assert (large["width"], large["stroke-width"]) == ("22", "2")


def test_online_and_offline_differ_in_shape() -> None:
    online, offline = svg(icon("online")), svg(icon("offline"))
    assert [tag.name for tag in online.find_all(True)] == ["circle", "circle"]
    assert [tag.name for tag in offline.find_all(True)] == ["circle", "path"]


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(LookupError, match="no-such-icon"):
        icon("no-such-icon")
