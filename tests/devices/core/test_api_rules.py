"""The name rule: what is sent, what is refused, what is suggested instead."""

from __future__ import annotations

import pytest

from devices.core import api_rules
from devices.lists.forms import SORT_LABELS


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("  Boiler room 2 ", "Boiler room 2"),
        ("door\N{RIGHT SINGLE QUOTATION MARK}s sensor", "door's sensor"),
        ("Ku\u0308che", "Küche"),
        ("Насос_3-b", "Насос_3-b"),
    ],
)
def test_a_typed_name_is_tidied_into_one_the_rule_allows(typed: str, sent: str) -> None:
    assert api_rules.tidy_name(typed) == sent
    assert api_rules.forbidden_in_name(sent) == []


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Hall / 3 #3", ["/", "#"]),
        ("tab\there", ["\t"]),
        ("a\N{NO-BREAK SPACE}b", ["\N{NO-BREAK SPACE}"]),
        ("<script>", ["<", ">"]),
        ("half ½", ["½"]),
        ("pump 😀", ["😀"]),
        ("nul\x00", ["\x00"]),
    ],
)
def test_each_forbidden_character_is_named_once(name: str, bad: list[str]) -> None:
    assert api_rules.forbidden_in_name(name) == bad


def test_the_suggestion_is_itself_allowed() -> None:
    assert api_rules.suggest_name("Boiler room 2 / hall #3") == "Boiler room 2 hall 3"
    long = api_rules.suggest_name("x" * 49 + " / yz")
    assert len(long) <= api_rules.NAME_MAX
    assert long == long.strip()
    assert api_rules.suggest_name("///") == ""


def test_the_auth_token_is_no_sort_field() -> None:
    assert "Auth Token" not in api_rules.SORT_FIELDS
    assert "Last Reported At" in api_rules.SORT_FIELDS
    assert tuple(SORT_LABELS) == api_rules.SORT_FIELDS
