"""The HTML of responses, for tests."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup, Tag


def soup(response: Any) -> BeautifulSoup:
    """The parsed page, kept on the response. Do not modify it."""
    if not hasattr(response, "tree"):
        response.tree = BeautifulSoup(response.content, "html.parser")
    tree: BeautifulSoup = response.tree
    return tree


def one(where: Any, css: str) -> Tag:
    """The first element of a response or a tag that matches; fails if there is none."""
    found = (where if isinstance(where, Tag) else soup(where)).select_one(css)
    assert found is not None, f"nothing matches {css}"
    return found


def text(tag: Tag) -> str:
    """Its text with white space folded."""
    return " ".join(tag.get_text(" ").split())


def words(response: Any) -> str:
    """The page's text with white space folded."""
    return text(soup(response))
