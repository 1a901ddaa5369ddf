"""Icons as inline SVG: from lucide, and two custom ones for the connection state."""

from __future__ import annotations

from functools import lru_cache

from lucide import IconDoesNotExist
from lucide.jinja import lucide
from markupsafe import Markup

# They differ in shape, for print, forced colours and colour blindness.
CUSTOM = {
    "online": '<circle cx="12" cy="12" r="9"/><circle cx="12" cy="12" r="3.5" fill="currentColor"/>',
    "offline": '<circle cx="12" cy="12" r="9"/><path d="M5.6 18.4 18.4 5.6"/>',
}
SMALL_SIZE = 14
"""Pixels. Up to this size strokes are thicker, to match the text beside them."""


@lru_cache(maxsize=1024)
def icon(name: str, size: int = 16, label: str | None = None) -> Markup:
    """An `<svg class="icon">` of `size` pixels; hidden from assistive technology unless it has a `label`.

    Raises LookupError for an unknown name.
    """
    head = Markup(
        '<svg class="icon" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="{1}" stroke-linecap="round" stroke-linejoin="round" {2}>{3}</svg>'
    )
    aria = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return head.format(size, "2.25" if size <= SMALL_SIZE else "2", aria, _shapes(name))


@lru_cache(maxsize=512)
def _shapes(name: str) -> Markup:
    """The markup inside the svg element: from this file or the lucide package, so it is trusted."""
    if name in CUSTOM:
        return Markup(CUSTOM[name])  # noqa: S704  # nosec B704
    try:
        svg = str(lucide(name, size=None))  # plain str: Markup would escape the replacements below
    except IconDoesNotExist as error:
        raise LookupError(f"no icon named {name!r}") from error
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    return Markup("".join(line.strip().replace(" />", "/>") for line in inner.splitlines()))  # noqa: S704  # nosec B704
