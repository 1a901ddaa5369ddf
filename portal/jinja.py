"""The Jinja2 environment and the context of every page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import jinja2
from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.template import engines
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext, npgettext, override, pgettext

from devices.core.date_formats import short_date
from devices.core.navigation import nav_bar
from devices.core.preferences import Preferences
from devices.core.requests import DeviceRequest, clock_for, zone_of
from devices.ui.device_actions import change_action
from devices.ui.status_banner import status_banner
from portal.icons import icon
from portal.static_bundles import bundle_urls


def environment(**options: Any) -> jinja2.Environment:
    env = jinja2.Environment(**options)  # noqa: S701 - Django's backend passes autoescape=True  # nosec B701
    # newstyle would require percent signs in messages to be doubled.
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=False, pgettext=pgettext, npgettext=npgettext
    )
    # The default `_` looks up `gettext` in the context on each call.
    env.globals.update(
        _=gettext,
        icon=icon,
        bundle=bundle_urls,
        static=static if settings.DEBUG else lru_cache(maxsize=256)(static),
        url=url,
        bar=nav_bar,
        status_banner=status_banner,
        change_action=change_action,
        get_messages=get_messages,
    )
    return env


def frame_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what base.html needs to know about the reader."""
    chosen: Preferences | None = getattr(request, "preferences", None)
    zone = zone_of(cast(DeviceRequest, request)) if chosen else "UTC"
    return {
        "theme": chosen.theme if chosen else "auto",
        "language": get_language() or "en",
        "zone": zone,
        "keys": chosen is not None and chosen.shortcuts,
        "clock": clock_for(cast(DeviceRequest, request)) if chosen else None,
    }


def url(name: str, *args: object, **kwargs: object) -> str:
    """Cached `reverse()`, which costs about 10 us a call."""
    return _reverse(get_script_prefix(), name, args, tuple(kwargs.items()))


@lru_cache(maxsize=1024)
def _reverse(prefix: str, name: str, args: tuple[object, ...], kwargs: tuple[tuple[str, object], ...]) -> str:
    return reverse(name, args=args or None, kwargs=dict(kwargs) or None)


def warm_up() -> None:
    """Compile every template and load every language, which takes about a second."""
    for code, _name in settings.LANGUAGES:
        with override(code):
            gettext("Devices")
            short_date(timezone.localdate())
    env: jinja2.Environment = engines["jinja2"].env  # type: ignore[attr-defined]
    for name in env.list_templates():
        env.get_template(name)
