"""Saving a person's preferences: one row each, keyed by `Access.person`. Each request reads them with its grant."""

from __future__ import annotations

from typing import Any

from devices.preferences.models import Preference


def save(person: str, **changes: Any) -> None:
    """Change these columns of the person's row and no others. A form has validated the values."""
    Preference.objects.update_or_create(person=person, defaults=changes)


def delete(person: str) -> bool:
    """Back to the defaults. Returns whether the person had a row."""
    return bool(Preference.objects.filter(person=person).delete()[0])
