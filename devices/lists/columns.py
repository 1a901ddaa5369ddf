"""The heads of the device tables, with each person's choice of columns."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.core.preferences import COLUMN_LABELS

CLASSES = {"id": "col-id num", "organization": "col-org"}
"""Where they differ from `col-` and the column's key."""
ALWAYS_SHOWN = frozenset({"name"})
ALWAYS_SHOWN_RECENT = ALWAYS_SHOWN | {"activated"}
"""The list of recent activations is about this column."""


class Head(NamedTuple):
    """A column of the table: `cls` are its CSS classes; `shown` whether this person's lists have it."""

    key: str
    words: str
    cls: str
    shown: bool


def table_heads(chosen: tuple[str, ...], always: frozenset[str] = ALWAYS_SHOWN) -> list[Head]:
    """All columns, the name first; `always`: those that this list shows whatever was chosen."""
    labels = {"name": _("Device")} | COLUMN_LABELS
    return [
        Head(key, str(label), CLASSES.get(key, f"col-{key}"), shown=key in chosen or key in always)
        for key, label in labels.items()
    ]
