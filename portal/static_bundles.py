"""One style sheet and one script in production, made of the small files that people read and edit.

A browser starts to paint when the last style sheet has come: nine small ones over HTTP/1.1 took about 60 ms longer
than one. `collectstatic` writes the bundles; where nothing is collected (DEBUG, tests) a page links the parts.
Not a bundler from npm: nothing here is compiled, and the parts stay what the browser's tools show during development.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.templatetags.static import static
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHEETS = ("tokens", "base", "frame", "components", "forms", "tables", "list", "device", "utilities", "print")
SCRIPTS = ("portal", "keys", "loading", "list")
BUNDLES = {
    "css/all.css": tuple(f"css/{name}.css" for name in SHEETS),
    "js/all.js": tuple(f"js/{name}.js" for name in SCRIPTS),
}
"""Name -> its parts in the order in which they apply; all in the bundle's own folder, so relative URLs stay right."""


class BundledStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage, which also writes the bundles, hashed and compressed like everything else."""

    bundled = True

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Django's, with the bundles among `paths` (name -> (storage, path)). Raises KeyError where a part is lost."""
        made: dict[str, Any] = {}
        if not dry_run:
            for name, parts in BUNDLES.items():
                if self.exists(name):
                    self.delete(name)
                self.save(name, ContentFile("\n".join(read(*paths[part]) for part in parts).encode()))
                made[name] = (self, name)
        yield from super().post_process(paths | made, dry_run, **options)


def read(storage: Any, path: str) -> str:
    with storage.open(path) as file:
        content: bytes = file.read()
    return content.decode()


def bundle_urls(name: str) -> tuple[str, ...]:
    """The URLs that a page links for a bundle: the bundle's own, or its parts' where it was not made."""
    if settings.DEBUG or not getattr(staticfiles_storage, "bundled", False):
        return tuple(static(part) for part in BUNDLES[name])
    return _bundle_url(name)


@lru_cache(maxsize=16)
def _bundle_url(name: str) -> tuple[str, ...]:
    return (static(name),)
