"""Message catalogs: `python -m tools.messages` updates locale/*/django.po and .mo.

With `--check` nothing is written. It fails if a catalog does not have exactly the messages of the code, a message is
not translated or fuzzy, placeholders differ, or the .mo does not match the .po. Catalogs contain no dates and no source
positions, so that they change only with the messages. The header above the first empty line is kept.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PLACES = {
    "devices": [("**.py", "python")],
    "portal": [("**.py", "python")],
    "templates": [("**.html", "jinja2")],
}
JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "to_translate": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[sdif]|\{\w*\}")


def extracted(root: Path) -> Catalog:
    """All messages of the code, in English."""
    found = Catalog()
    for place, methods in PLACES.items():
        options: dict[str, dict[str, Any]] = {"**.html": JINJA}
        for _file, _line, words, _comments, context in extract_from_dir(
            root / place, method_map=methods, options_map=options, keywords=KEYWORDS
        ):
            found.add(words, context=context)
    return found


def merged(po: Path, words: Catalog) -> tuple[str, Catalog]:
    """The file's header, which people write, and its catalog with exactly these messages."""
    text = po.read_text(encoding="utf-8")
    old = read_po(io.StringIO(text), locale=po.parent.parent.name, ignore_obsolete=True)
    new = Catalog(locale=old.locale)
    for message in words:
        if message.id:
            known = old.get(message.id, message.context)
            kept = known if known and known.pluralizable == message.pluralizable else None
            flags = {"fuzzy"} if kept and kept.fuzzy else set()
            new.add(message.id, kept.string if kept else None, context=message.context, flags=flags)
    return text.split("\n\n", 1)[0].rstrip(), new


def po_text(head: str, catalog: Catalog) -> str:
    body = io.BytesIO()
    write_po(body, catalog, width=120, no_location=True, omit_header=True, sort_output=True)
    return f"{head}\n\n{body.getvalue().decode().strip()}\n"


class _Plain(Catalog):
    """A catalog without dates and tool versions in the header of its .mo."""

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Plural-Forms", self.plural_forms),
        ]

    mime_headers = property(_get_mime_headers)


def mo_bytes(catalog: Catalog) -> bytes:
    plain = _Plain(locale=catalog.locale)
    for message in catalog:
        if message.id and not message.fuzzy:
            plain.add(message.id, message.string, context=message.context)
    compiled = io.BytesIO()
    write_mo(compiled, plain)
    return compiled.getvalue()


def fault(message: Message) -> str:
    """The fault of a translation; empty if it has none.

    Named placeholders may change their order, others may not. A singular may say "one" instead of the number, so both
    forms may have the placeholders of either.
    """
    sources, targets = _forms(message.id), _forms(message.string)
    if not all(targets):
        return "not translated"
    if any(_placeholders(target) not in map(_placeholders, sources) for target in targets):
        return "placeholders differ"
    return "fuzzy" if message.fuzzy else ""


def _forms(words: Any) -> tuple[str, ...]:
    return tuple(words) if isinstance(words, tuple | list) else (words or "",)


def _placeholders(words: str) -> tuple[list[str], list[str]]:
    found = PLACEHOLDER.findall(words.replace("%%", ""))
    named = [one for one in found if "(" in one or "{" in one]
    return sorted(set(named)), [one for one in found if one not in named]


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    words = extracted(ROOT)
    problems: list[str] = []
    for po in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        name = po.relative_to(ROOT)
        head, catalog = merged(po, words)
        text, compiled, mo = po_text(head, catalog), mo_bytes(catalog), po.with_suffix(".mo")
        if not check:
            po.write_text(text, encoding="utf-8")
            mo.write_bytes(compiled)
        elif po.read_text(encoding="utf-8") != text:
            problems.append(f"{name}: does not match the code; run `make messages`")
        elif not mo.is_file() or mo.read_bytes() != compiled:
            problems.append(f"{mo.relative_to(ROOT)}: does not match the .po; run `make messages`")
        for message in catalog:
            if message.id:
                wrong = fault(message)
                problems += [f"{name}: {wrong}: {_forms(message.id)[0]!r}"] if wrong else []
    print("\n".join(problems) or "Messages: every language is complete.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
