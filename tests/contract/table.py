"""`python -m tests.contract.table [--check]`: writes docs/operations.md, or fails if it is stale.

For each operation of the contract: the gateway's method, the sandbox's view, and the portal's modules that call it.
Everything is derived from the code, so an operation that is missing somewhere fails the command.
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import django

from devices.gateway.client import Gateway
from tests.contract.checker import ROOT as API
from tests.contract.checker import contract

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "operations.md"
MANY = 5
VERBS = {"GET", "PUT", "POST", "DELETE"}
HEAD = """# Operations

`python -m tests.contract.table` writes this file from [openapi.yaml](openapi.yaml) and the code; `make check` fails if
it is stale. Paths leave out `/api/v1/organization`. The portal column names the address of a form or tab, if the
operation has one, and the modules that call it. The test file of a module mirrors its path. Every call that a test
makes is checked against the contract.

| operation | gateway method | sandbox view | portal |
|---|---|---|---|
"""


@cache
def methods() -> dict[str, str]:
    """Name of each method of the gateway that makes a call -> its docstring, which begins with method and path."""
    found = {name: it.__doc__ or "" for name, it in inspect.getmembers(Gateway, inspect.isfunction)}
    return {name: text for name, text in found.items() if text.split(" ")[0] in VERBS}


def gateway_methods(operation: str, verb: str, path: str) -> list[str]:
    """The method of that name, and others whose docstring begins with this method and path."""
    call = re.compile(rf"{verb} {re.escape(path.removeprefix(API))}(?![\w/-])")
    return [name for name, text in methods().items() if name == operation or (path != API and call.match(text))]


def sandbox_view(verb: str, path: str) -> str:
    """The sandbox's function behind its URL and decorators; empty if there is none."""
    from django.urls import Resolver404, resolve

    try:
        route = resolve(path, urlconf="sandbox.urls").func
    except Resolver404:
        return ""
    view = inspect.getclosurevars(route).nonlocals["views"].get(verb)
    view = inspect.getclosurevars(view).nonlocals.get("view", view) if view else None
    return f"`{view.__module__.removeprefix('sandbox.').removeprefix('views.')}.{view.__name__}`" if view else ""


@cache
def sources() -> dict[Path, str]:
    """The portal's modules, without the gateway."""
    paths = sorted(path for package in ("devices", "portal") for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT): path.read_text() for path in paths if "gateway" not in path.parts}


def callers(operation: str) -> list[str]:
    """The modules that call it, or name it where the call is chosen by name; their packages if there are many."""
    call = re.compile(rf'[gG]ateway(\.\w+\([^()]*\))*\.{operation}\b|operation="{operation}"')
    found = [path for path, text in sources().items() if call.search(text)]
    found = found or [path for path, text in sources().items() if f'"{operation}"' in text]
    return list(dict.fromkeys(f"{path.parent if len(found) > MANY else path}" for path in found))


@cache
def addresses() -> dict[str, str]:
    """Operation -> the address of its form or tab."""
    from devices.ui.tabs import TABS

    found = {tab.operation: f"/devices/<id>/{tab.name}/" for tab in TABS if tab.operation}
    try:
        from devices.changes.kinds import kinds
    except ImportError:
        return found
    device = "/devices/<id>/"
    return found | {kind.operation: kind.path if kind.path[0] == "/" else device + kind.path for kind in kinds()}


def rows() -> Iterator[str]:
    """Raises ValueError for an operation on devices that is missing somewhere."""
    for (verb, path), operation in contract().operations.items():
        name = operation["operationId"]
        names, view = gateway_methods(name, verb, path), sandbox_view(verb, path)
        modules = ["portal/auth/oauth.py"] if name == "issue_token" else []
        modules += dict.fromkeys(module for method in names for module in callers(method))
        if operation["tags"] == ["Devices"] and not (names and view and modules):
            raise ValueError(f"{name} is missing somewhere: {names=} {view=} {modules=}")
        places = [addresses()[it] for it in names if it in addresses()] + modules
        cells = [f"`{verb} {path.removeprefix(API) or '(the common path)'}`", in_code(names), view, in_code(places)]
        yield f"| {' | '.join(cells)} |\n"


def in_code(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def main() -> str | None:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if the document is stale")
    check = parser.parse_args().check
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.typing_settings"  # portal and sandbox in one process
    django.setup()
    try:
        text = HEAD + "".join(rows())
    except ValueError as gap:
        return str(gap)
    if not check:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        return "docs/operations.md is stale: run `python -m tests.contract.table`."
    return None


if __name__ == "__main__":
    sys.exit(main())
