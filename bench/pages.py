"""What a first visit of a page weighs on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.visitor import Visitor

PAGE_BOUND = 10 * 1024  # bytes of HTML, compressed
VISIT_BOUND = 60_000  # bytes of a first visit, compressed: the page with all its style sheets and scripts


@dataclass(frozen=True)
class Weight:
    """Bytes of a first visit: the page plain and compressed, each style sheet and script compressed."""

    plain: int
    page: int
    assets: dict[str, int]

    @property
    def all_assets(self) -> int:
        return sum(self.assets.values())

    @property
    def visit(self) -> int:
        return self.page + self.all_assets

    def __str__(self) -> str:
        lines = [f"HTML: {self.page} bytes compressed (bound {PAGE_BOUND}), {self.plain} plain"]
        lines += [f"  {name}: {size}" for name, size in self.assets.items()]
        lines.append(f"CSS and JS: {self.all_assets} bytes compressed")
        return "\n".join([*lines, f"A first visit: {self.visit} bytes compressed (bound {VISIT_BOUND})"])


def weigh(visitor: Visitor, path: str) -> Weight:
    """A page and what it loads, as a browser that accepts gzip gets them."""
    page = visitor.ask(path)
    packed = {"Accept-Encoding": "gzip"}
    names = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page.body)))
    assets = {name: visitor.ask(name, headers=packed).size for name in names}
    return Weight(page.size, visitor.ask(path, headers=packed).size, assets)
