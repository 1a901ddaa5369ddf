"""All states of all pages, made once for each test process that needs them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from portal.auth.throttle import throttle
from portal.platform import transport
from tests.pages.states import Shown, every_state
from tests.servers import SandboxServer

_states: list[Shown] = []


@pytest.fixture
def states(fresh_sandbox: SandboxServer, settings: Any, db: None) -> list[Shown]:
    if not _states:
        settings.PLATFORM_API_URL = fresh_sandbox.url
        settings.METAFIELDS_LIKELY = True
        settings.ROOT_URLCONF = "tests.pages.urls"  # with the page for developers
        for clear in (cache.clear, throttle.cache_clear, transport.cache_clear):
            clear()
        _states.extend(every_state(fresh_sandbox))
        transport.cache_clear()
    return _states
