"""Counters on a device's tabs: printed only where the total is known without a call for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devices.core.formatting import number


def with_count(context: dict[str, Any], tab: str, total: int | None) -> None:
    """Put a total on a tab of the page around it: with the page, or beside the piece of it that htmx gets. Without a
    total nothing happens."""
    if total is None:
        return
    context["counts"] = context.get("counts", {}) | {tab: number(total)}
    if "tabs" not in context:
        return
    context["tabs"] = [replace(each, count=number(total)) if each.name == tab else each for each in context["tabs"]]
