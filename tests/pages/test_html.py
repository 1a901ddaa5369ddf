"""Every page, form, error and piece is HTML that the Nu checker (the W3C's) has no fault to find with."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.npm import installed
from tests.pages.states import Shown
from tests.services import java_path

HERE = Path(__file__).resolve().parent
CHECKS_WITHIN = 180  # seconds
HTMX = r".*Attribute .hx-.*"
"""htmx's attributes, which no standard has."""


@pytest.mark.pages
def test_the_checker_finds_no_fault(states: list[Shown], tmp_path: Path) -> None:
    assert len(states) > 200
    for number, shown in enumerate(states):
        (tmp_path / f"{number}.html").write_text(shown.whole())
    faults = {
        (states[int(Path(one["url"]).stem)].name, _without_values(one["message"]), one.get("extract", ""))
        for one in _checked(tmp_path)
    }
    first: dict[str, str] = {}
    for name, message, extract in sorted(faults):
        first.setdefault(message, f"{name}: {message}: {extract}")
    assert not first, "\n".join(first.values())


def _checked(folder: Path) -> list[dict[str, str]]:
    """What the checker says of the files in `folder`: its messages of type error."""
    jar = installed(HERE, "html-checker") / "node_modules/vnu-jar/build/dist/vnu.jar"
    java = java_path()
    assert java
    command = [
        java,
        "-Xss2m",
        "-jar",
        str(jar),
        "--errors-only",
        "--format",
        "json",
        "--filterpattern",
        HTMX,
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECKS_WITHIN, check=False)
    messages: list[dict[str, str]] = json.loads(done.stderr)["messages"]
    return messages


def _without_values(message: str) -> str:
    return re.sub(r"“[^”]*\d[^”]*”", "“…”", message)
