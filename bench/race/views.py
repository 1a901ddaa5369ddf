"""What the race asks of a server beside its pages."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tools.processes import poll

FOLDER = "RACE_FOLDER"
"""Environment: where slow writers and the race meet."""
LONGEST = 60.0
"""Seconds a slow writer waits to be released."""


def worker(request: HttpRequest) -> HttpResponse:
    """Which process serves this connection."""
    return HttpResponse(str(os.getpid()))


def slow_writer(request: HttpRequest) -> HttpResponse:
    """Reads the session now and saves the whole of it later, as any view does that is slow and remembers something."""
    folder = Path(os.environ[FOLDER])
    request.session["remembered"] = secrets.token_hex(4)
    (folder / f"writer-{secrets.token_hex(8)}").touch()
    for _ in poll(LONGEST, every=0.02):
        if (folder / "go").exists():
            break
    return HttpResponse("saved")


extra = [path("race/worker/", worker), path("race/slow-writer/", slow_writer)]
