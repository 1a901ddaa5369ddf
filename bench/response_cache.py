"""Ten thousand steps of the response cache's state machine: `python -m bench.response_cache [--steps N] [--seed N]`.

Then the same with one safeguard of the cache removed at a time: each loss has to be found. Prints its seed, which is
fixed in CI. Exits with 1 on any failure.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from hypothesis import HealthCheck, Phase, seed, settings  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402

from devices.gateway.base_client import BaseClient  # noqa: E402
from devices.gateway.response_cache import CacheOwner, ResponseCache  # noqa: E402
from tests.devices.gateway.response_cache_stateful import ResponseCacheMachine as Machine  # noqa: E402

STEPS_EACH = 50
CI_SEED = 20261123


@contextmanager
def _no_owner() -> Iterator[None]:
    whole = ResponseCache.__init__

    def without_owner(self: ResponseCache, store: Any, owner: CacheOwner, *rest: Any, **more: Any) -> None:
        whole(self, store, CacheOwner(owner.base_url, "", 0, None, ""), *rest, **more)

    with mock.patch.object(ResponseCache, "__init__", without_owner):
        yield


def _no_bump(*_: object) -> None: ...


BREAKS = {
    "the key without its owner": (_no_owner, "a leak"),
    "no count after a change": (
        lambda: mock.patch.object(Machine, "bump", _no_bump),
        "before a change",
    ),
    "no mark on old answers": (lambda: mock.patch.object(BaseClient, "stale", property(lambda self: [])), "not marked"),
}


def run(steps: int, number: int, *, shrink: bool = True) -> str:
    """Empty, or what was found."""
    machine = seed(number)(type("Run", (Machine,), {}))
    how = settings(
        max_examples=-(-steps // STEPS_EACH),
        stateful_step_count=STEPS_EACH,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=how)
    except Exception as error:  # noqa: BLE001 - any error is a finding
        notes = "\n".join(getattr(error, "__notes__", []))
        return f"{notes}\n{''.join(traceback.format_exception(error))}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=CI_SEED if os.environ.get("CI") else random.randrange(2**32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.disable(logging.WARNING)  # the platform fails all the time
    begun = time.monotonic()
    Machine.steps = 0
    found, number = "", options.seed
    while not found and Machine.steps < options.steps:  # an example may end before its last step
        found = run(options.steps - Machine.steps, number)
        number += 1
    words = f"kept: {Machine.steps} steps, seed {options.seed}, {time.monotonic() - begun:.0f} s: "
    print(words + (f"WRONG\n{found}" if found else "nobody got what was not theirs, or too old"), flush=True)
    print(f"kept: {', '.join(f'{count} x {what}' for what, count in Machine.saw.most_common())}", flush=True)
    blind = False
    for name, (broken, sign) in BREAKS.items():
        begun = time.monotonic()
        with broken():
            content = run(options.steps, options.seed, shrink=False)
        seen = sign in content
        blind |= not seen
        print("" if seen else content, end="", flush=True)
        print(
            f"response cache, {name}: {'found' if seen else 'WRONG, not found'}, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    return 1 if found or blind else 0


if __name__ == "__main__":
    sys.exit(main())
