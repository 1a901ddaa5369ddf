"""The permissions an operation requires, declared at its method; the API enforces them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class PermissionRule:
    """`names`: all are required. `visible`: the device must be visible too. `other`: also required for another user."""

    names: tuple[str, ...] = ()
    visible: bool = False
    other: tuple[str, ...] = ()


def requires(*names: str, visible: bool = False, other: tuple[str, ...] = ()) -> Callable[[Method], Method]:
    """Declare the `PermissionRule` of a method."""

    def mark(method: Method) -> Method:
        vars(method)["rule"] = PermissionRule(names, visible, other)
        return method

    return mark


def rules_of(gateway: type) -> dict[str, PermissionRule]:
    """The declared rules by the names of their methods."""
    return {name: method.rule for name, method in vars(gateway).items() if hasattr(method, "rule")}
