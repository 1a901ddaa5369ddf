"""Template rules that no general linter has: `python -m tools.template_lint templates`.

* Only the subset of htmx that versions 2 and 4 share (django-htmx ships both): attributes known to both, each on the
  element that sends the request, inner and outer swaps, no evaluated code.
* Nothing that the Content-Security-Policy refuses: no inline script, style or handler, nothing from another host.
* Every POST form has `csrf_input`, and macros with one are imported `with context`.
* Buttons come from the macros of components/button.html; only components contain one.
* No bypass of autoescaping. At most 150 lines a file and 120 characters a line.

Exits with 1 and a line `file:line: fault` for each fault.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

MAX_LINES = 150
MAX_COLUMNS = 120
HX_SENDS = {"hx-get", "hx-post"}
HX_RULES = {"hx-target", "hx-swap", "hx-select", "hx-select-oob", "hx-trigger", "hx-push-url", "hx-replace-url"}
HX_RULES |= {"hx-include", "hx-indicator", "hx-sync", "hx-vals", "hx-confirm", "hx-encoding", "hx-validate"}
HX_KNOWN = HX_SENDS | HX_RULES | {"hx-boost", "hx-swap-oob", "hx-preserve"}
HX_BOOSTS = {"a", "form"}

HOLE = "\ue000"  # stands for `{{ ... }}`: a value known only when rendered
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
HX_NAME = re.compile(r"(?<![\w-])(?:data-)?(hx-[\w:.-]+)")
IMPORT = re.compile(r"""\{%-?\s*(?:from|import)\s+["']([^"']+)["'](.*?)-?%\}""", re.DOTALL)
UNESCAPED = re.compile(r"\|\s*safe\b|\bMarkup\b|\bautoescape\s+(?:false|False)|\|\s*xmlattr\(\s*false")
BUTTON = re.compile(r"""<(?:a|button)\b[^>]*?\bclass=(["'])(?:[^"']*\s)?button[\s"']""")
REMOTE = re.compile(r"\s*(?:[a-z]+:)?//", re.IGNORECASE)

Fault = tuple[int, str]
"""Line (from 1) and fault."""


def blank(text: str, pattern: re.Pattern[str], filler: str) -> str:
    """Replace each match by fillers and keep line breaks, so that positions stay valid."""
    return pattern.sub(lambda hit: re.sub(r"[^\n]", filler, hit.group()), text)


class Tags(HTMLParser):
    """Checks the start tags of a template whose Jinja parts are blanked."""

    def __init__(self, text: str, whole: str) -> None:
        super().__init__(convert_charrefs=False)
        self.faults: list[Fault] = []
        self.forms: list[tuple[int, int]] = []  # line and position of POST forms that are still open
        self.whole = whole
        self.starts = [0, *(hit.end() for hit in re.finditer("\n", text))]
        self.feed(text)

    def position(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        given = {name: value or "" for name, value in attrs}
        self.faults += [(line, fault) for fault in (*tag_faults(tag, given), *htmx_faults(tag, given))]
        if tag == "form" and (given.get("method", "").lower() == "post" or "hx-post" in given):
            self.forms.append((line, self.position()))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.forms:
            line, start = self.forms.pop()
            if "csrf_input" not in self.whole[start : self.position()]:
                self.faults.append((line, "a POST form without {{ csrf_input }}"))


def tag_faults(tag: str, given: dict[str, str]) -> Iterator[str]:
    if tag == "script" and "src" not in given:
        yield "an inline script: put it into a file under static/js"
    if tag == "style" or "style" in given:
        yield "inline style: put it into static/css"
    for name, value in given.items():
        if re.fullmatch(r"on[a-z]+", name):
            yield f"an inline handler, {name}: put it into a file under static/js"
        loads = name in {"src", "srcset", "poster", "action", "formaction"} or (
            name == "href" and tag in {"link", "use"}
        )
        if (loads or name in HX_SENDS) and REMOTE.match(value):
            yield f"{name} points to another host: {value}"
        if value.strip().lower().startswith("javascript:"):
            yield f"{name} holds script"


def htmx_faults(tag: str, given: dict[str, str]) -> Iterator[str]:
    known = {name.removeprefix("data-"): value for name, value in given.items()}
    # A hole among the attributes is a macro call; its attributes are checked in the macro.
    sends = HX_SENDS & known.keys() or "hx-boost" in known or any(HOLE in name for name in known)
    rules = sorted(HX_RULES & known.keys())
    if rules and not sends:
        yield f"{', '.join(rules)} without hx-get or hx-post on the same element: nothing is inherited in htmx 4"
    if "hx-boost" in known and tag not in HX_BOOSTS:
        yield "hx-boost on an element that is neither link nor form: it would have to be inherited"


def text_faults(text: str) -> Iterator[Fault]:
    """Faults found without tags, also in macros that print single attributes."""

    def line_of(hit: re.Match[str]) -> int:
        return text.count("\n", 0, hit.start()) + 1

    for hit in HX_NAME.finditer(text):
        if hit.group(1) not in HX_KNOWN:
            yield line_of(hit), f"{hit.group(1)} is not in the subset of htmx that versions 2 and 4 share"
    for hit in re.finditer(r"""hx-swap=(["'])(.*?)\1""", text):
        style = (hit.group(2).split() or [""])[0]
        if style not in {"innerHTML", "outerHTML"} and HOLE not in style:
            yield line_of(hit), f"hx-swap {style!r}: only innerHTML and outerHTML mean the same in versions 2 and 4"
    for hit in re.finditer(r"""hx-trigger=(["'])(.*?)\1""", text):
        if "[" in hit.group(2):
            yield line_of(hit), "a filter in hx-trigger is evaluated code, which the policy refuses"
    for hit in re.finditer(r"""(?:hx-vals|hx-include|hx-confirm)=(["'])\s*(?:js|javascript):""", text):
        yield line_of(hit), "evaluated code, which the policy refuses"


def faults_of(source: str) -> list[Fault]:
    """The faults of one template."""
    faults: list[Fault] = []
    text = blank(source, COMMENT, " ")
    for hit in UNESCAPED.finditer(text):
        faults.append((text.count("\n", 0, hit.start()) + 1, f"bypass of autoescaping: {hit.group().strip()}"))
    markup = blank(blank(text, EXPRESSION, HOLE), STATEMENT, " ")
    tags = Tags(markup, text)
    faults += tags.faults
    faults += [
        (line, "a form that is not closed in this file: its csrf_input cannot be checked") for line, _ in tags.forms
    ]
    faults += text_faults(markup)
    lines = source.count("\n")
    if lines > MAX_LINES:
        faults.append((lines, f"{lines} lines, more than {MAX_LINES}: split it"))
    for number, line in enumerate(source.splitlines(), 1):
        if len(line) > MAX_COLUMNS:
            faults.append((number, f"{len(line)} characters, more than {MAX_COLUMNS}: break the line"))
    return faults


def buttons_by_hand(name: str, source: str) -> Iterator[Fault]:
    """Links and buttons written out instead of made by a macro, outside the components."""
    if name.startswith("components/"):
        return
    text = blank(source, COMMENT, " ")
    for hit in BUTTON.finditer(text):
        yield text.count("\n", 0, hit.start()) + 1, "a button by hand: use the macros of components/button.html"


def import_faults(sources: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    """Imports that leave csrf_input empty: (file, line, fault) for all templates by name."""
    texts = {name: blank(source, COMMENT, " ") for name, source in sources.items()}
    needy = {name for name, text in texts.items() if "csrf_input" in text}
    while True:
        more = {name for name, text in texts.items() if any(hit.group(1) in needy for hit in IMPORT.finditer(text))}
        if more <= needy:
            break
        needy |= more
    for name, text in texts.items():
        for hit in IMPORT.finditer(text):
            if hit.group(1) in needy and "with context" not in " ".join(hit.group(2).split()):
                line = text.count("\n", 0, hit.start()) + 1
                yield (
                    name,
                    line,
                    f"import {hit.group(1)} `with context`: it holds a form, whose csrf_input would be empty",
                )


def main(folders: list[str]) -> int:
    sources = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for folder in map(Path, folders)
        for path in sorted(folder.rglob("*.html"))
    }
    faults = [(name, line, what) for name, source in sources.items() for line, what in faults_of(source)]
    faults += [(name, line, what) for name, source in sources.items() for line, what in buttons_by_hand(name, source)]
    faults += import_faults(sources)
    for name, line, what in sorted(faults):
        print(f"{name}:{line}: {what}")
    print(f"Templates: {len(sources)} files, {len(faults)} faults.")
    return 1 if faults or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["templates"]))
