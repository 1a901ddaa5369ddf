"""`python -m tests.contract.table [--check]`: writes docs/operations.md, or tells that it is stale.

For each operation of the contract: the gateway's method, the sandbox's view, the portal's pages and tests. All of it is
read out of the code, so an operation that somebody forgot somewhere fails the command.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import django
from django.urls import Resolver404, resolve

from devices.gateway.client import Gateway
from tests.contract.checker import ROOT as API
from tests.contract.checker import contract

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "operations.md"
TOKEN = "issue_token"
ROOMS = {
    "gateway": ("devices/gateway",),
    "sandbox": ("sandbox",),
    "pages": ("devices", "portal"),
    "browser": ("browser",),
}
VERBS = {"GET", "PUT", "POST", "DELETE"}
HEAD = """# Operations

Made by `python -m tests.contract.table` from [openapi.yaml](openapi.yaml) and the code; `make check` says when it is
stale. Paths leave out `/api/v1/organization`. A method that several pages share is shown with the module that calls it.
Of the tests one from each room stands here, the one that is most about the operation; the contract's own tests go
through all of them, and every call of the others is held against it.
"""
COLUMNS = ("operation", "gateway method", "sandbox view", "portal", "tests")


@dataclass
class Module:
    """A file of ours, read and not imported.

    `calls` maps each function to the gateway's methods that it calls, `names` to those it names as text (for a check of
    permissions, or to find the method by), `others` to the functions it mentions: (file, name).
    """

    path: str
    calls: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)
    others: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Module:
        module, tree = cls(str(path.relative_to(ROOT))), ast.parse(path.read_text())
        imported = dict(_imported(tree))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            inside = list(ast.walk(function))
            module.calls[function.name] = {node.attr for node in inside if _is_gateway_call(node)}
            texts = {node.value for node in inside if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            module.names[function.name] = texts & methods().keys()
            mentioned = {node.id for node in inside if isinstance(node, ast.Name)}
            module.others[function.name] = {imported.get(name, (module.path, name)) for name in mentioned}
        return module


def _imported(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield name.asname or name.name, (node.module.replace(".", "/") + ".py", name.name)


def _is_gateway_call(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Whether this is `gateway.<method>` or `request.gateway.<method>`."""
    if not isinstance(node, ast.Attribute) or node.attr not in methods():
        return False
    owner = node.value
    return (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) == "gateway"


def called_by(file: str, view: str) -> set[str]:
    """Methods of the gateway that a view calls, itself or through functions of any file of the views."""
    todo, seen, found = [(file, view)], set[tuple[str, str]](), set[str]()
    while todo:
        at = todo.pop()
        module, name = modules().get(at[0]), at[1]
        if at not in seen and module is not None and name in module.calls and "/views/" in at[0]:
            seen.add(at)
            found |= module.calls[name]
            todo += module.others[name]
    return found


@cache
def methods() -> dict[str, Callable[..., Any]]:
    """The gateway's methods by name."""
    return {name: it for name, it in inspect.getmembers(Gateway, inspect.isfunction) if not name.startswith("_")}


def gateway_methods(operation: str, verb: str, path: str) -> list[str]:
    """The method of that name, and others whose docstring begins with this verb and path."""
    short = path.removeprefix(API)
    first_words = {name: (it.__doc__ or "").split(None, 2)[:2] for name, it in methods().items()}
    return [
        name
        for name, words in first_words.items()
        if name == operation or [word.rstrip(":.,") for word in words] == [verb, short]
    ]


def sandbox_view(verb: str, path: str) -> str:
    """The function that answers, found by asking the sandbox's own URLs and looking through its decorators."""
    try:
        view: Any = resolve(path, urlconf="sandbox.urls").func
    except Resolver404:
        return ""
    inside = inspect.getclosurevars(view).nonlocals
    view = inside["views"].get(verb) if "views" in inside else view
    if view is None:
        return ""
    view = inspect.getclosurevars(view).nonlocals.get("view", view)
    return f"`{view.__module__.removeprefix('sandbox.').removeprefix('views.')}.{view.__name__}`"


@cache
def modules() -> dict[str, Module]:
    """Files of the portal outside the gateway, by path from the root."""
    paths = [path for room in ("devices", "portal") for path in sorted((ROOT / room).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): Module.read(path) for path in paths if "gateway" not in path.parts}


@dataclass(frozen=True)
class PortalPage:
    """`file` and `view` name the function that answers at `address`; `asks` is the method of a tab that has no view."""

    address: str
    file: str
    view: str
    asks: str = ""

    @property
    def word(self) -> str:
        """The last word of the address as a name has it: `trigger_event` of `/devices/<id>/trigger-event/`."""
        return self.address.rstrip("/").rsplit("/", 1)[-1].replace("-", "_")

    @property
    def pattern(self) -> re.Pattern[str]:
        """Fits an address in a test: ids as they are or as `<>`, with or without a query."""
        return re.compile(re.sub(r"<\\?\w+>", "(<>|[0-9]+)", self.address) + r"(\?.*)?")


@cache
def pages() -> list[PortalPage]:
    """The pages of the app, read from devices/urls.py and devices/views/tabs.py."""
    found = list(tabs())
    for node in ast.walk(ast.parse((ROOT / "devices" / "urls.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "path":
            route, view = node.args[:2]
            if isinstance(route, ast.Constant) and isinstance(view, ast.Attribute) and isinstance(view.value, ast.Name):
                address = str(route.value).replace("int32:device_id", "id").replace("int32:metafield_id", "mid")
                found.append(PortalPage(f"/devices/{address}", f"devices/views/{view.value.id}.py", view.attr))
    return found


def tabs() -> Iterator[PortalPage]:
    """Tabs of a device that are no more than a line of TABS: `Tab("tags", words, Gateway.list_tags, show_tags)`."""
    file = "devices/views/tabs.py"
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Tab" and len(node.args) == 4:
            name, _words, ask, show = node.args
            if isinstance(ask, ast.Attribute) and isinstance(show, ast.Name):
                yield PortalPage(f"/devices/<id>/{_text(name)}/", file, show.id, ask.attr)


def portal_places(method: str) -> list[str]:
    """Pages that are for this method, and files beside the views that call it for many pages."""
    calling = [page for page in pages() if method == page.asks or method in called_by(page.file, page.view)]
    naming = [page for page in pages() if method in modules()[page.file].names[page.view] and page not in calling]
    meant = [page for page in calling + naming if page.word in method]
    shared = [
        f"`{name}`"
        for name, module in modules().items()
        if "/views/" not in name and any(method in calls for calls in module.calls.values())
    ]
    if len(calling) > 8 and not meant:
        return ["most pages of one device", *shared]
    return [f"`{page.address}`" for page in meant or calling or naming] + shared


@dataclass(frozen=True)
class Test:
    """A test function; `told` are the operations it mentions: methods, `VERB /path`, addresses of pages."""

    room: str
    file: Path
    name: str
    told: frozenset[str]

    @property
    def words(self) -> set[str]:
        return _words(f"{self.file.stem}_{self.name}")

    def __str__(self) -> str:
        return f"{self.room}: [{self.name}](../{self.file.relative_to(ROOT)})"


def tests_of(operation: str, verb: str, path: str, names: list[str], places: list[str]) -> list[Test]:
    """One test from each room: of those that mention a method, the path with its verb or a page, the one whose name has
    most of the operation's words, and which is about the fewest other things."""
    words = _words(operation)
    wanted = {*names, f"{verb} {path.removeprefix(API) if path.startswith(API) else path}"}
    wanted |= {place.strip("`") for place in places}
    found: dict[str, list[Test]] = {}
    for test in all_tests():
        if test.told & wanted:
            found.setdefault(test.room, []).append(test)
    return [
        max(tests, key=lambda test: (len(words & test.words), -len(test.told - wanted))) for tests in found.values()
    ]


def _words(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.split("_")}


@cache
def all_tests() -> list[Test]:
    found = []
    for room, folders in ROOMS.items():
        for folder in folders:
            for file in sorted((ROOT / "tests" / folder).glob("test_*.py")):
                tree = ast.parse(file.read_text())
                constants = {
                    target.id: _told(node.value)
                    for node in tree.body
                    if isinstance(node, ast.Assign)
                    for target in node.targets
                    if isinstance(target, ast.Name)
                }
                for node in tree.body:
                    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                        mentioned = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
                        told = _told(node).union(*(constants.get(name, ()) for name in mentioned))
                        found.append(Test(room, file, node.name, frozenset(told)))
    return found


def _told(tree: ast.AST) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in methods():
            found.add(node.attr)
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            text = _text(node)
            found |= {text} & {*methods(), "/sign-in/"}
            found |= {page.address for page in pages() if page.pattern.fullmatch(text)}
        if isinstance(node, ast.Call | ast.Tuple):
            parts = [_text(part) for part in (node.args if isinstance(node, ast.Call) else node.elts)]
            verbs = VERBS & set(parts)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                verbs |= VERBS & {node.func.attr.upper()}  # `sandbox.get("/device")`
                if node.func.attr == "grant":
                    found.add("POST /oauth2/token")
            paths = [part.partition("?")[0] for part in parts if part.startswith("/")]
            found |= {f"{verb} {path}" for verb in verbs for path in paths}
    return found


def _text(node: ast.AST) -> str:
    """A literal's text; what is filled in stands as `<>`."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "<>" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def rows() -> Iterator[tuple[str, ...]]:
    """Cells as in COLUMNS. Raises ValueError for an operation on devices that is missing somewhere."""
    for (verb, path), operation in contract().operations.items():
        name = operation["operationId"]
        names = gateway_methods(name, verb, path)
        view = sandbox_view(verb, path)
        places = ["`/sign-in/`", "`portal/signin/oauth.py`"] if name == TOKEN else portal_places(name)
        for further in set(names) - {name}:
            places += [place for place in portal_places(further) if place not in places]
        tests = tests_of(name, verb, path, names, places)
        if operation["tags"] == ["Devices"] and not (names and view and places and tests):
            raise ValueError(f"{name} is missing somewhere: {names=} {view=} {places=} {tests=}")
        shown = f"`{verb} {path.removeprefix(API) or '(the common path)'}`"
        yield shown, ", ".join(f"`{it}`" for it in names), view, ", ".join(places), ", ".join(map(str, tests))


def table() -> str:
    """The whole document."""
    lines = [HEAD, "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for cells in rows()), ""])


def main() -> str | None:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if the document is stale")
    check = parser.parse_args().check
    # The sandbox is asked for its URLs, in its own settings; the portal is only read.
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    django.setup()
    try:
        text = table()
    except ValueError as gap:
        return str(gap)
    if not check:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        return "docs/operations.md is stale: run `python -m tests.contract.table`."
    return None


if __name__ == "__main__":
    sys.exit(main())
