"""Checks the three locks without the network: `python -m tools.locks`.

Rules: every requirement of an .in file is pinned in its .txt in an allowed version, and nothing else is there for it;
every pin has hashes; run is a subset of test, and test of dev, with the same pins (so that one .venv holds them all,
and the tests use what runs); no lock names a host. Exits with 1 and a line for each fault.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
ORDER = ("run", "test", "dev")
HOST = re.compile(r"://|^\s*--(?:index-url|extra-index-url|find-links|trusted-host)", re.MULTILINE)


@dataclass
class Pin:
    """One entry of a lock: `name==version ; marker`, its hashes, and the files or packages that require it."""

    requirement: Requirement
    hashes: set[str] = field(default_factory=set)
    via: set[str] = field(default_factory=set)

    @property
    def version(self) -> str:
        return next(iter(self.requirement.specifier)).version


def read_lock(text: str) -> dict[str, Pin]:
    """A lock as uv writes it -> pins by canonical name; a second pin of a name (another marker) gets its own key."""
    pins: dict[str, Pin] = {}
    pin: Pin | None = None
    for raw in text.splitlines():
        line = raw.strip().rstrip("\\").strip()
        if line.startswith("--hash="):
            if pin is None:
                raise ValueError(f"a hash without a package: {line}")
            pin.hashes.add(line.removeprefix("--hash="))
        elif line.startswith("#"):
            asked = line.lstrip("#").strip().removeprefix("via").strip()
            if pin is not None and asked:
                pin.via.add(asked)
        elif line and not line.startswith("-"):
            pin = Pin(Requirement(line))
            name = canonicalize_name(pin.requirement.name)
            pins[name if name not in pins else f"{name} ; {pin.requirement.marker}"] = pin
    return pins


def read_wishes(text: str) -> dict[str, Requirement]:
    """An .in file -> its requirements by canonical name, without those of included files."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    wishes = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(wish.name): wish for wish in wishes}


def faults_of(folder: Path) -> list[str]:
    """The faults of the locks in `folder`, a sentence each."""
    faults: list[str] = []
    smaller: dict[str, Pin] = {}
    for lock in ORDER:
        text = (folder / f"{lock}.txt").read_text(encoding="utf-8")
        pins = read_lock(text)
        faults += [f"{lock}.txt names a host or an index: {hit.group()}" for hit in HOST.finditer(text)]
        faults += [f"{lock}.txt: {name} has no hash" for name, pin in pins.items() if not pin.hashes]
        wishes = read_wishes((folder / f"{lock}.in").read_text(encoding="utf-8"))
        faults += [f"{lock}.txt lacks {wish}" for name, wish in wishes.items() if name not in pins]
        faults += [
            f"{lock}.txt has {name} {pins[name].version}, {lock}.in wants {wish}"
            for name, wish in wishes.items()
            if name in pins and not wish.specifier.contains(pins[name].version, prereleases=True)
        ]
        mark = f"-r requirements/{lock}.in"
        faults += [
            f"{lock}.txt has {name} for {lock}.in, which does not name it"
            for name, pin in pins.items()
            if mark in pin.via and name.split(" ;")[0] not in wishes
        ]
        for name, pin in smaller.items():
            bigger = pins.get(name)
            # Markers may differ: in the larger lock another package can require the same one.
            if bigger is None or bigger.version != pin.version or bigger.hashes != pin.hashes:
                found = f"{name} {bigger.version}" if bigger else f"no {name}"
                faults.append(f"{lock}.txt has {found} where the smaller lock has {pin.version} (or the hashes differ)")
        smaller = pins
    return faults


def main() -> int:
    faults = faults_of(FOLDER)
    for fault in faults:
        print(fault)
    print("Locks: " + ("run `make lock`." if faults else "in order."))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
