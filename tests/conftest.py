"""Fixtures that more than one family of tests uses."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

from tests.servers import SandboxServer

# A busy machine is slow, not wrong: what an example takes is nobody's business here.
hypothesis_settings.register_profile("portal", deadline=None)
hypothesis_settings.load_profile("portal")

pytest_plugins = ["tests.contract.plugin", "tests.services", "tests.canary.plugin"]


def pytest_collection_finish() -> None:
    """What is there by now stays: the collector need not walk through all of Django's and the tests' own modules again
    and again, which is a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """One sandbox for all tests of this process (one for each xdist worker), started when first asked for. Only for
    tests that leave it as it was: see `fresh_sandbox`."""
    server = SandboxServer()
    yield server
    server.stop()


@pytest.fixture
def fresh_sandbox(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    """The same sandbox for a test that writes, sets faults, turns switches or counts requests: put back afterwards."""
    sandbox.clear_requests()
    yield sandbox
    sandbox.reset()
