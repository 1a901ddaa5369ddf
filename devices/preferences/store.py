"""Keeping a person's preferences: one row each, known by `Access.person`. Reading is done with the grant (portal)."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from devices.core.preferences import COLUMNS, Preferences, read, settled, written
from devices.preferences.models import Preference


def load(person: str) -> Preferences:
    """As they are kept now."""
    return read(Preference.objects.filter(person=person).values_list("value", flat=True).first())


def save(person: str, **changes: Any) -> Preferences:
    """Change these fields of `Preferences` and leave the others, whoever changes them at the same time.

    `columns` may come in any order. Values must be sound: a form has checked them. ValueError for one that is not.
    """
    if "columns" in changes:
        changes["columns"] = tuple(sorted(changes["columns"], key=lambda name: (*COLUMNS, name).index(name)))
    with transaction.atomic():
        Preference.objects.get_or_create(person=person, defaults={"value": "{}"})
        row = Preference.objects.select_for_update().get(person=person)
        kept = read(row.value)
        wanted = {name: getattr(kept, name) for name in Preferences.__struct_fields__} | changes
        preferences = settled(wanted)
        unsound = [name for name in changes if name not in wanted or getattr(preferences, name, None) != wanted[name]]
        if unsound:
            raise ValueError(f"No such preference: {', '.join(unsound)}")
        row.value = written(preferences)
        row.save(update_fields=["value"])
    return preferences


def forget(person: str) -> bool:
    """Back to the defaults, with nothing kept. Tells whether something was."""
    return bool(Preference.objects.filter(person=person).delete()[0])
