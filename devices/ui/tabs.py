"""The tabs of a device's page, in order. A new tab is a line in TABS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core.requests import DeviceRequest
from devices.core.text import clean
from devices.directory.names import names_for
from devices.gateway.client import Gateway
from devices.gateway.types import DeviceTag

T = TypeVar("T")


@dataclass(frozen=True)
class Tab(Generic[T]):
    """Its address is `/devices/<id>/<name>/`, named `device-<name>`.

    `ask`: the gateway method that reads its data for a device id. Without that method's permission the tab is locked.
    `show`: the panel's context from that data; `read_at` and the tab's words are added, and `count` in it is printed on
    the tab. A tab without `show` has its own view, and a line in urls.py. `panel`: the template; the usual one shows
    `items` (text, note), or `empty_title` and `empty_text`, with `about` below.
    """

    name: str
    label: str | Promise
    ask: Callable[[Gateway, int], T] | None = None
    show: Callable[[DeviceRequest, T], dict[str, Any]] | None = None
    panel: str = "device_page/_items.html"

    @property
    def operation(self) -> str:
        """The method's name, for permissions; empty if the tab needs none."""
        return self.ask.__name__ if self.ask else ""

    @property
    def url_name(self) -> str:
        return f"devices:device-{self.name}" if self.name != "overview" else "devices:device-detail"


def show_tags(request: DeviceRequest, tags: tuple[DeviceTag, ...]) -> dict[str, Any]:
    """Each tag with the organization that created it. The API cannot change tags."""
    names = names_for(request.gateway, request.access)
    return {
        "items": [(clean(tag.name), names.organization(tag.tag_owner_org_id)) for tag in tags],
        "count": len(tags),
        "about": _("Each tag shows the organization that created it. Tags are changed in the platform's console."),
        "empty_title": _("No tags"),
        "empty_text": _("Nobody has tagged this device. Tags are set in the platform's console."),
    }


TABS: tuple[Tab[Any], ...] = (
    Tab("overview", gettext_lazy("Overview")),
    Tab("timeline", gettext_lazy("Timeline"), Gateway.list_timeline),
    Tab("logs", gettext_lazy("User actions"), Gateway.list_logs),
    Tab("metafields", gettext_lazy("Metafields"), Gateway.list_metafields),
    Tab("tags", gettext_lazy("Tags"), Gateway.list_tags, show_tags),
    Tab("changes", gettext_lazy("Changes here")),
)
