"""`python -m bench.race [--rounds N] [--setup NAME]... [--accident NAME]...`: non-zero if anything went wrong."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.race.accidents import ACCIDENTS, Wrong
from bench.race.rounds import Platform, race, rounds
from bench.race.subjects import Double, Portal
from tests.services import missing, postgres_server, redis_server
from tools.processes import Failed


class Setup(NamedTuple):
    words: str
    requests: int
    masters: int
    workers: int


SETUPS = {
    "threads": Setup("SQLite, 1 process x 32 threads", 64, 1, 1),
    "processes": Setup("SQLite, 4 processes", 64, 1, 4),
    "stack": Setup("PostgreSQL and Redis, 2 gunicorns x 4 processes", 200, 2, 4),
}
DOUBLES, NONE = "doubles", "none"


class Run:
    def __init__(self, folder: Path, number: int, accidents: list[str]) -> None:
        self.folder, self.number, self.accidents = folder, number, accidents
        self.wrong: list[str] = []
        self.platform = Platform(self.new("sandbox"))

    def new(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def say(self, words: str, *, wrong: bool = False) -> None:
        print(f"  WRONG: {words}" if wrong else f"  {words}", flush=True)
        if wrong:
            self.wrong.append(words)

    @contextmanager
    def portal(self, name: str) -> Iterator[Portal]:
        setup = SETUPS[name]
        with ExitStack() as services:
            database, cache = "", ""
            if name == "stack":
                database = services.enter_context(postgres_server()).database()
                cache = services.enter_context(redis_server(self.new("redis")))
            portal = Portal(
                self.platform.server,
                self.new(name),
                masters=setup.masters,
                workers=setup.workers,
                database_url=database,
                redis_url=cache,
            )
            services.callback(portal.stop)
            portal.sign_in()
            yield portal

    def setup(self, name: str) -> None:
        setup = SETUPS[name]
        print(f"race, {setup.words}:", flush=True)
        with self.portal(name) as portal:
            found = rounds(self.platform, portal, setup.requests, self.number)
            spread = len(found.workers) == setup.masters * setup.workers
            self.say(str(found), wrong=not (found.fine and spread))
            for accident in self.accidents:
                try:
                    self.say(ACCIDENTS[accident](self.platform, portal, setup.requests))
                except Wrong as error:
                    self.say(f"{accident}: {error}", wrong=True)
                    self.platform.server.clear_faults()
                    portal.sign_in()
            for server in portal.servers:
                if "Traceback" in server.log():
                    self.say(f"the portal's log has a traceback:\n{server.log()[-4000:]}", wrong=True)

    def doubles(self) -> None:
        """The naive portals, which must fail."""
        print("race, naive portals with tokens in the session, SQLite, 4 processes:", flush=True)
        for name, careful in (("naive", False), ("careful", True)):
            double = Double(self.platform.server, self.new(name), careful=careful)
            try:
                self.caught(name, double, careful)
            finally:
                double.stop()

    def caught(self, name: str, double: Double, careful: bool) -> None:
        self.platform.slow_token_call()
        all_rounds, caught, words = 0, 0, ""
        for _ in range(self.number):
            for expire in (double.expire, self.platform.server.expire_tokens):
                double.sign_in()
                found = race(self.platform, double, SETUPS["processes"].requests, expire)
                all_rounds += 1
                # The careful one shows that the slow writers have an effect.
                caught += (found.stale > 0 and found.refreshes == [1]) if careful else not found.fine
                words = f"in the last, {found}"
        self.say(f"the {name} one was caught in {caught} of {all_rounds} rounds; {words}", wrong=caught < all_rounds)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.race", description="One refresh at a time.")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind in each set-up (%(default)s)")
    parser.add_argument("--setup", action="append", choices=[*SETUPS, DOUBLES], help="all; may be repeated")
    parser.add_argument("--accident", action="append", choices=[*ACCIDENTS, NONE], help="all; may be repeated")
    options = parser.parse_args()
    options.setup = options.setup or [*SETUPS, DOUBLES]
    options.accident = [name for name in options.accident or ACCIDENTS if name != NONE]
    return options


def left_out(setups: list[str]) -> str:
    """Why the setup with services cannot run here. Raises Failed in CI."""
    why = missing().get("stack", "") if "stack" in setups else ""
    if why and os.environ.get("CI"):
        raise Failed(f"The race on PostgreSQL and Redis must run in CI: {why}")
    return why


def run_all(names: list[str], options: argparse.Namespace) -> int:
    """Number of failures."""
    if not names:
        return 0
    with tempfile.TemporaryDirectory(prefix="race-") as folder:
        run = Run(Path(folder), options.rounds, options.accident)
        try:
            for name in names:
                try:
                    run.doubles() if name == DOUBLES else run.setup(name)
                except Failed as error:
                    run.say(str(error), wrong=True)
        finally:
            run.platform.server.stop()
    return len(run.wrong)


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops all servers
    begun = time.monotonic()
    try:
        why = left_out(options.setup)
        wrong = run_all([name for name in options.setup if name != "stack" or not why], options)
    except Failed as error:
        print(f"race: {error}", file=sys.stderr)
        return 1
    if why:
        print(f"!!! LEFT OUT: the race on PostgreSQL and Redis. {why} !!!", flush=True)
    print(f"race: {wrong} wrong, {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
