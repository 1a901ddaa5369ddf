"""gunicorn's settings as the portal ships them."""

from __future__ import annotations

import runpy

import pytest


@pytest.mark.parametrize(("told", "workers"), [(None, 1), ("4", 4)])
def test_the_number_of_processes_is_the_operators(
    monkeypatch: pytest.MonkeyPatch, told: str | None, workers: int
) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    if told:
        monkeypatch.setenv("WEB_CONCURRENCY", told)
    assert runpy.run_module("portal.gunicorn")["workers"] == workers
