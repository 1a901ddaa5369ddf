"""Fixtures for tests of several packages."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

from tests.servers import SandboxServer

# A busy machine is slow: no deadline for an example.
hypothesis_settings.register_profile("portal", deadline=None)
hypothesis_settings.load_profile("portal")

pytest_plugins = ["tests.contract.plugin", "tests.services", "tests.canary.plugin"]


def pytest_collection_finish() -> None:
    """Exclude all loaded modules from garbage collection, which saves a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """One sandbox for each xdist worker, started on first use. Only for tests that do not change it: others use
    `fresh_sandbox`."""
    server = SandboxServer()
    yield server
    server.stop()


@pytest.fixture
def fresh_sandbox(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    """The same sandbox for a test that writes, sets faults or switches, or counts requests; reset afterwards."""
    sandbox.clear_requests()
    yield sandbox
    sandbox.reset()
