"""Which columns the lists of devices show, as each person has chosen."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from devices.core.preferences import COLUMNS, DEFAULT_COLUMNS
from devices.core.requests import DeviceRequest
from devices.core.responses import SeeOther
from devices.core.return_url import back_to_list
from devices.preferences.store import save

COLUMN_WORDS = {
    "id": gettext_lazy("ID"),
    "status": gettext_lazy("Status"),
    "template": gettext_lazy("Template"),
    "firmware": gettext_lazy("Firmware"),
    "board": gettext_lazy("Board"),
    "owner": gettext_lazy("Owner"),
    "activated": gettext_lazy("Activated"),
    "organization": gettext_lazy("Organization"),
}
CLASSES = {column: f"col-{column}" for column in COLUMNS} | {"id": "col-id num", "organization": "col-org"}


ALWAYS = frozenset({"name"})
"""It is what a row is known by."""
ALWAYS_RECENT = ALWAYS | {"activated"}
"""And that of recent activations is about this."""


class Head(NamedTuple):
    """A column of the table: `cls` are its CSS classes; `shown` whether this person's lists have it."""

    key: str
    words: str
    cls: str
    shown: bool


@require_POST
def device_columns(request: DeviceRequest) -> HttpResponse:
    """Keep what is ticked in `columns`, or with `reset` what everybody starts with, and go back to the list."""
    ticked = DEFAULT_COLUMNS if "reset" in request.POST else request.POST.getlist("columns")
    save(request.access.person, columns=tuple(column for column in COLUMNS if column in ticked))
    return SeeOther(back_to_list(request))


def table_heads(chosen: tuple[str, ...], always: frozenset[str] = ALWAYS) -> list[Head]:
    """All columns, the name first; `always`: those that this list shows whatever was chosen."""
    words = {"name": _("Device")} | {column: str(COLUMN_WORDS[column]) for column in COLUMNS}
    return [
        Head(key, word, CLASSES.get(key, f"col-{key}"), shown=key in chosen or key in always)
        for key, word in words.items()
    ]
