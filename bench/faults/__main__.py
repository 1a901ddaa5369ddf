"""`python -m bench.faults [--short] [--fault NAME]...`: non-zero if anything went wrong."""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from bench.faults.kinds import CLOSED, KINDS  # noqa: E402
from bench.faults.pair import MODES, Found, Pair  # noqa: E402
from bench.faults.rows import READS, missing_rows  # noqa: E402
from bench.faults.slow import Slow  # noqa: E402
from tests.change_examples import OPERATIONS  # noqa: E402

PAIRS = 2
"""As many as the machine has cores."""
ROWS = len(READS) + len(OPERATIONS)


class Matrix:
    def __init__(self, names: list[str]) -> None:
        # The fault that stops the sandbox comes last.
        self.names: queue.SimpleQueue[str] = queue.SimpleQueue()
        for name in sorted(names, key=lambda each: KINDS[each].fault["kind"] == CLOSED):
            self.names.put(name)
        self.found: dict[str, Found] = {}
        self.wrong: list[str] = []

    def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            threads = [threading.Thread(target=self._pair, args=[Path(folder) / str(n)]) for n in range(PAIRS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _pair(self, folder: Path) -> None:
        try:
            pair = Pair(folder, STOP)
            try:
                while not self.names.empty() and not STOP.is_set():
                    self._one(pair, self.names.get_nowait())
            finally:
                self.wrong += pair.stop()
        except queue.Empty:
            pass
        except Exception as error:  # noqa: BLE001 - an error in a thread fails the run
            self.wrong.append(f"{type(error).__name__}: {error}")

    def slow(self) -> None:
        with tempfile.TemporaryDirectory(prefix="slow-") as folder:
            try:
                slow = Slow(Path(folder) / "slow", STOP)
                try:
                    slow.run()
                finally:
                    slow.stop()
                self.wrong += slow.wrong
            except Exception as error:  # noqa: BLE001 - as above
                self.wrong.append(f"{type(error).__name__}: {error}")

    def _one(self, pair: Pair, name: str) -> None:
        begun = time.monotonic()
        found = self.found[name] = pair.under(name)
        responses = ", ".join(f"{count} x {status or 'cut'}" for status, count in sorted(found.responses.items()))
        print(
            f"  {name}: {responses}; {found.written} writes arrived, slowest {found.slowest:.1f} s,"
            f" {len(found.wrong)} wrong ({time.monotonic() - begun:.0f} s)",
            flush=True,
        )
        for words in found.wrong:
            print(f"    WRONG: {words}", flush=True)
        self.wrong += [f"{name}: {words}" for words in found.wrong]

    def unmet(self) -> dict[str, list[str]]:
        """Fault -> the operations whose call did not meet it, with their mode."""
        rows = [(row, mode) for row in [*(row.operation for row in READS), *OPERATIONS] for mode in MODES]
        missed = {
            name: [f"{op} ({mode})" for op, mode in rows if (op, mode) not in found.met]
            for name, found in self.found.items()
        }
        return {name: some for name, some in missed.items() if some}

    def mostly_met(self, which: str) -> bool:
        """Whether this optional operation was met in this mode under most of the faults."""
        operation, mode = which.removesuffix(")").split(" (")
        names = {row.operation for row in READS if row.optional}
        met = sum((operation, mode) in found.met for found in self.found.values())
        return operation in names and met > len(self.found) / 2


STOP = threading.Event()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description="Every fault, every operation.")
    parser.add_argument("--short", action="store_true", help="leave out faults that resemble another")
    parser.add_argument("--fault", action="append", choices=[*KINDS], help="all; may be repeated")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    begun = time.monotonic()
    names = options.fault or [name for name, kind in KINDS.items() if not (options.short and kind.full)]
    print(f"faults: {len(names)} faults x {ROWS} operations x {len(MODES)} kinds of request", flush=True)
    matrix = Matrix(names)
    slow = threading.Thread(target=matrix.slow)
    if not options.fault:
        slow.start()  # it mostly sleeps
    matrix.run()
    if not options.fault:
        slow.join()
    if lacking := missing_rows():
        matrix.wrong.append(f"no row leads to {', '.join(sorted(lacking))}")
    for name, missed in matrix.unmet().items():
        # Names cached at sign-in need no call, but under most faults each operation has to be met.
        print(f"  {name} was not met by {', '.join(missed)}", flush=True)
        if serious := [each for each in missed if not matrix.mostly_met(each)]:
            matrix.wrong.append(f"{name} was not met by {', '.join(serious)}")
    asked = sum(found.responses.total() for found in matrix.found.values())
    print(f"faults: {asked} responses, {len(matrix.wrong)} wrong, {time.monotonic() - begun:.0f} s", flush=True)
    for words in matrix.wrong:
        print(f"  WRONG: {words[:400]}", flush=True)
    return 1 if matrix.wrong or STOP.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
