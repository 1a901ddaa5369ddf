"""The import contract of pyproject.toml names every module of the app: none stands outside the floors."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {"devices.apps", "devices.models", "devices.migrations", "devices.management"}
"""What Django asks for by name."""


def floors() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"].startswith("Floors of the app"))
    return {name.strip() for layer in layers for name in layer.split(":")}


def test_every_module_stands_on_a_floor() -> None:
    named = floors() | OUTSIDE
    files = [path for path in (ROOT / "devices").rglob("*.py") if path.name != "__init__.py"]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    homeless = [name for name in modules if not any(name == at or name.startswith(f"{at}.") for at in named)]
    assert homeless == [], "name these modules in a layer of pyproject.toml"


def test_no_floor_is_a_phantom() -> None:
    paths = {name: ROOT / name.replace(".", "/") for name in floors()}
    assert [name for name, path in paths.items() if not path.is_dir() and not path.with_suffix(".py").is_file()] == []
