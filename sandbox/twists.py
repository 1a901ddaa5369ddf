"""Ways to change a good answer into one that lies, for faults of the kind `twist`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

UNKNOWN_MEMBER = {"halfLife": [1, None, {"of": "nothing"}]}
UNKNOWN_WORD = "SOMETHING_NEW"


def twice(value: Any) -> Any:
    """Every item of every list comes two times, with the same id."""
    if isinstance(value, dict):
        return {name: twice(member) for name, member in value.items()}
    return [item for each in value for item in (twice(each),) * 2] if isinstance(value, list) else value


def types(value: Any) -> Any:
    """Everything is of another type than it was: lists of one where objects were, objects where lists were."""
    if isinstance(value, dict):
        return [{name: types(member) for name, member in value.items()}]
    if isinstance(value, list):
        return {"items": [types(item) for item in value]}
    if isinstance(value, str):
        return len(value)
    return f"x{value}"


def strange(value: Any) -> Any:
    """As an API of next year might answer: more members, and enumerations with words that are new."""
    if isinstance(value, dict):
        return {name: strange(member) for name, member in value.items()} | UNKNOWN_MEMBER
    if isinstance(value, list):
        return [strange(item) for item in value]
    is_word = isinstance(value, str) and value.isupper() and value.replace("_", "").isalpha()
    return UNKNOWN_WORD if is_word else value


TWISTS: dict[str, Callable[[Any], Any]] = {"twice": twice, "types": types, "strange": strange}
