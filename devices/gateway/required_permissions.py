"""What an operation asks of a user, said at the gateway's method itself: `@needs("VIEW_TIMELINE", sees=True)`.

A mark and no more: the gateway sends what it is told to, the API enforces, and `devices.core.permissions` explains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class PermissionRule:
    """`names`: all are needed. `sees`: the device must be visible too. `other`: needed as well for another user."""

    names: tuple[str, ...] = ()
    visible: bool = False
    other: tuple[str, ...] = ()


def requires(*names: str, visible: bool = False, other: tuple[str, ...] = ()) -> Callable[[Method], Method]:
    """Mark a method with its `Rule`."""

    def mark(method: Method) -> Method:
        vars(method)["rule"] = PermissionRule(names, visible, other)
        return method

    return mark


def rules_of(gateway: type) -> dict[str, PermissionRule]:
    """The rule of each method that is marked, by its name."""
    return {name: method.rule for name, method in vars(gateway).items() if hasattr(method, "rule")}
