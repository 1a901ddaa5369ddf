"""Icons as inline SVG: lucide's, and two drawings of our own for the state of a connection."""

from __future__ import annotations

from functools import lru_cache

from lucide import IconDoesNotExist
from lucide.jinja import lucide
from markupsafe import Markup

# Both start from the same ring and differ in shape, so that the colour may go: print, forced colours, colour blindness.
CUSTOM = {
    "online": '<circle cx="12" cy="12" r="9"/><circle cx="12" cy="12" r="3.5" fill="currentColor"/>',
    "offline": '<circle cx="12" cy="12" r="9"/><path d="M5.6 18.4 18.4 5.6"/>',
}
SMALL_SIZE = 14
"""Pixels. Up to this size the strokes are thicker, or they look thinner than the words beside them."""


@lru_cache(maxsize=1024)
def icon(name: str, size: int = 16, label: str | None = None) -> Markup:
    """An `<svg class="icon">` of `size` pixels; hidden from assistive technology unless it has a `label` of its own.

    Raises LookupError for a name that is not drawn anywhere.
    """
    head = Markup(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="{1}" stroke-linecap="round" stroke-linejoin="round" {2}>{3}</svg>'
    )
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return head.format(size, "2.25" if size <= SMALL_SIZE else "2", told, _shapes(name))


@lru_cache(maxsize=512)
def _shapes(name: str) -> Markup:
    """The shapes inside the svg element. They come from this file or from the lucide package, never from outside."""
    if name in CUSTOM:
        return Markup(CUSTOM[name])  # noqa: S704  # nosec B704
    try:
        svg = str(lucide(name, size=None))  # plain text again: Markup would escape what is replaced below
    except IconDoesNotExist as error:
        raise LookupError(f"no icon named {name!r}") from error
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    return Markup("".join(line.strip().replace(" />", "/>") for line in inner.splitlines()))  # noqa: S704  # nosec B704
