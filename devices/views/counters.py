"""Counters on a device's tabs: printed only where the total is known without a call for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devices.presentation import number


def with_count(context: dict[str, Any], tab: str, total: int | None) -> None:
    """Put a total on a tab of the page around it (`shell.shell`); without a page or a total, nothing happens."""
    if total is None or "tabs" not in context:
        return
    context["tabs"] = [replace(each, count=number(total)) if each.name == tab else each for each in context["tabs"]]
