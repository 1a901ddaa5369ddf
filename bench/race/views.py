"""Further views that the race needs in a server."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tools.processes import poll

FOLDER = "RACE_FOLDER"
"""Environment variable: the folder through which the race steers the slow writers."""
LONGEST = 60.0
"""Seconds a slow writer waits to be released."""


def worker(request: HttpRequest) -> HttpResponse:
    """Which process serves this connection."""
    return HttpResponse(str(os.getpid()))


def slow_writer(request: HttpRequest) -> HttpResponse:
    """Reads the session now and saves all of it later, as a slow view that stores something does."""
    folder = Path(os.environ[FOLDER])
    request.session["remembered"] = secrets.token_hex(4)
    (folder / f"writer-{secrets.token_hex(8)}").touch()
    for _ in poll(LONGEST, every=0.02):
        if (folder / "go").exists():
            break
    return HttpResponse("saved")


extra = [path("race/worker/", worker), path("race/slow-writer/", slow_writer)]
