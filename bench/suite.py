"""All load tests in a row: `python -m bench.suite short|full [NAME]...`. Exits with non-zero if one of them fails.

A load test is a module that prints its figures, exits with non-zero if one is out of bounds, and stops its servers on
SIGTERM. To add one, add its line to LOADS.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GRACE = 30.0
"""Seconds that a load test has to stop its servers after SIGTERM."""


class Load(NamedTuple):
    """`short` and `full` are its arguments; `within`: time limit of the short one in seconds, on two busy cores."""

    module: str
    short: tuple[str, ...]
    full: tuple[str, ...]
    within: float


BENCHMARK = ("--rounds", "1", "--seconds", "0.4", "--rows", "300")
"""One round, to show that it runs; its figures are for `make bench`."""
LOADS = {
    "race": Load("bench.race", short=("--rounds", "2"), full=("--rounds", "5"), within=600),
    "kills": Load(
        "bench.kills",
        short=("--database", "sqlite", "--database", "postgresql"),
        full=("--database", "sqlite", "--database", "postgresql"),
        within=400,
    ),
    "faults": Load("bench.faults", short=("--short",), full=(), within=600),
    "storm": Load("bench.storm", short=("--seconds", "30"), full=("--seconds", "90"), within=300),
    "outage": Load("bench.outage", short=("--seconds", "25"), full=("--seconds", "60"), within=400),
    "response-cache": Load("bench.response_cache", short=("--steps", "10000"), full=("--steps", "100000"), within=300),
    "benchmark": Load("bench.benchmark", short=BENCHMARK, full=BENCHMARK, within=240),
}
FULL_WITHIN = 4 * 3600.0
"""Time limit of a full one in seconds."""


def run(arguments: list[str], within: float) -> str:
    """Runs a module to its end; returns what failed, or an empty string."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        code = process.wait(within)
        return f"exit code {code}" if code else ""
    except subprocess.TimeoutExpired:
        return f"not done after {within:.0f} s"
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main(argv: list[str] | None = None, loads: dict[str, Load] | None = None) -> int:
    loads = LOADS if loads is None else loads
    parser = argparse.ArgumentParser(prog="python -m bench.suite", description=__doc__)
    parser.add_argument("size", choices=["short", "full"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(loads)}; none: all")
    options = parser.parse_args(argv)
    if unknown := set(options.names) - set(loads):
        parser.error(f"unknown load test: {', '.join(sorted(unknown))}")
    ended = []
    for name in options.names or loads:
        load = loads[name]
        short = options.size == "short"
        begun = time.monotonic()
        wrong = run([load.module, *(load.short if short else load.full)], load.within if short else FULL_WITHIN)
        ended.append((name, wrong, time.monotonic() - begun))
    print(f"\nload, {options.size}:")
    for name, wrong, seconds in ended:
        print(f"  {name}: {f'FAILED, {wrong}' if wrong else 'ok'}, {seconds:.0f} s")
    return 1 if any(wrong for _, wrong, _ in ended) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
