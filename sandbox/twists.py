"""Changes that make a response malformed, for faults of the kind `twist`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

UNKNOWN_MEMBER = {"halfLife": [1, None, {"of": "nothing"}]}
UNKNOWN_WORD = "SOMETHING_NEW"


def twice(value: Any) -> Any:
    """Every list item appears twice."""
    if isinstance(value, dict):
        return {name: twice(member) for name, member in value.items()}
    return [item for each in value for item in (twice(each),) * 2] if isinstance(value, list) else value


def types(value: Any) -> Any:
    """Every value has another type."""
    if isinstance(value, dict):
        return [{name: types(member) for name, member in value.items()}]
    if isinstance(value, list):
        return {"items": [types(item) for item in value]}
    if isinstance(value, str):
        return len(value)
    return f"x{value}"


def strange(value: Any) -> Any:
    """Unknown members and enum values, as a later version of the API may send."""
    if isinstance(value, dict):
        return {name: strange(member) for name, member in value.items()} | UNKNOWN_MEMBER
    if isinstance(value, list):
        return [strange(item) for item in value]
    is_word = isinstance(value, str) and value.isupper() and value.replace("_", "").isalpha()
    return UNKNOWN_WORD if is_word else value


TWISTS: dict[str, Callable[[Any], Any]] = {"twice": twice, "types": types, "strange": strange}
