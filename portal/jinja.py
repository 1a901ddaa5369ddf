"""The environment of all templates: what they can call besides their context."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jinja2
from django.conf import settings
from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext, ngettext, npgettext, pgettext

from portal.icons import icon


def environment(**options: Any) -> jinja2.Environment:
    env = jinja2.Environment(**options)  # noqa: S701 - Django's backend passes autoescape=True
    # Without newstyle, `_("50% of %(x)s")` is left as it is and words with a percent sign need no doubling.
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=False, pgettext=pgettext, npgettext=npgettext
    )
    env.globals.update(
        icon=icon,
        static=static if settings.DEBUG else lru_cache(maxsize=256)(static),
        url=url,
        get_messages=get_messages,
    )
    return env


def url(name: str, *args: object, **kwargs: object) -> str:
    """`reverse()`, remembered: it costs about 10 us, and a page's frame asks for the same few on every request."""
    return _reverse(get_script_prefix(), name, args, tuple(kwargs.items()))


@lru_cache(maxsize=1024)
def _reverse(prefix: str, name: str, args: tuple[object, ...], kwargs: tuple[tuple[str, object], ...]) -> str:
    return reverse(name, args=args or None, kwargs=dict(kwargs) or None)
