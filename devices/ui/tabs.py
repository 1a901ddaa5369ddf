"""The tabs of a device's page, in their order. A new tab needs its line in TABS here and its panel, a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from devices.core.requests import DeviceRequest
from devices.core.text import clean
from devices.directory.names import names_for
from devices.gateway.client import Gateway
from devices.gateway.types import DeviceTag

T = TypeVar("T")


@dataclass(frozen=True)
class Tab(Generic[T]):
    """Its address is `/devices/<id>/<name>/`, named `device-<name>`; its panel `templates/device_page/_<name>.html`.

    `ask`: the gateway's method that reads what it shows, for the id of a device. The tab is locked for those who lack
    that method's permission.
    `show`: the panel's context out of what was read. `count` in it is printed on the tab; `read_at`, when it was read,
    is there without it. A tab without `show` has a view of its own, and a line in urls.py.
    """

    name: str
    label: str | Promise
    ask: Callable[[Gateway, int], T] | None = None
    show: Callable[[DeviceRequest, T], dict[str, Any]] | None = None

    @property
    def operation(self) -> str:
        """Its name, as permissions know it; empty where nothing is read that a permission is needed for."""
        return self.ask.__name__ if self.ask else ""

    @property
    def url_name(self) -> str:
        return f"devices:device-{self.name}" if self.name != "overview" else "devices:device-detail"


def show_tags(request: DeviceRequest, tags: tuple[DeviceTag, ...]) -> dict[str, Any]:
    """Each with the organization that made it. The API has no way to change them."""
    names = names_for(request.gateway, request.access)
    return {"tags": [(clean(tag.name), names.organization(tag.tag_owner_org_id)) for tag in tags], "count": len(tags)}


TABS: tuple[Tab[Any], ...] = (
    Tab("overview", gettext_lazy("Overview")),
    Tab("timeline", gettext_lazy("Timeline"), Gateway.list_timeline),
    Tab("logs", gettext_lazy("User actions"), Gateway.list_logs),
    Tab("metafields", gettext_lazy("Metafields"), Gateway.list_metafields),
    Tab("tags", gettext_lazy("Tags"), Gateway.list_tags, show_tags),
    Tab("changes", gettext_lazy("Changes here")),
)
