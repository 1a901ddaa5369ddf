"""The tabs of a device's page, as tests walk them: a new one is walked without anybody thinking of it."""

from __future__ import annotations

from devices.ui.tabs import TABS
from tests.contract.checker import contract

EVERY = tuple("" if tab.name == "overview" else f"{tab.name}/" for tab in TABS)
"""What follows the device's address."""
CALLS = {"": "/device"} | {f"{tab.name}/": contract().path_of(tab.operation) for tab in TABS if tab.operation}
"""Those that show what the platform says -> the call that reads it."""
LABELS = {path: str(tab.label) for path, tab in zip(EVERY, TABS, strict=True)}
