"""A form that makes something happen is carried out once, however often its button is pressed.

Without script a browser sends a double click twice, and the API has no idempotency key. Each page of such a form
carries a random id; the id together with what was filled in names one sending. Whoever comes first carries it out; the
second waits and gets the first one's outcome. The note is a row that can be inserted once, so this holds between
processes and hosts too; no transaction is open while the platform is asked.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from django.db import IntegrityError, models
from django.utils import timezone

from devices.gateway.errors import GatewayError
from devices.models import FormSending
from devices.permissions import Access

KEEP = 900
"""Seconds that an outcome is remembered."""
WAIT = 25.0
"""Seconds that a second sending waits for the first: a little more than a page may take."""
PAUSE = 0.1
"""Seconds between two looks."""
RUNNING, UNKNOWN, DONE = "running", "unknown", "done"


class Outcome(NamedTuple):
    """What became of the first sending: DONE, UNKNOWN, or RUNNING if it does not end.

    Of one that is done: the id of what it made, 0 for nothing that has one, and whether the person can see it.
    """

    state: str
    made_id: int = 0
    seen: bool = True


def new_form_id() -> str:
    return secrets.token_urlsafe(16)


class Sending:
    """One sending of this form with these contents, by this person. Without a form id nothing is held back."""

    def __init__(self, access: Access, form: str, form_id: str, contents: Mapping[str, object]) -> None:
        told = json.dumps([form, form_id or new_form_id(), contents], sort_keys=True, default=str)
        self._key = {"scope": access.scope, "digest": hashlib.sha256(told.encode()).hexdigest()}

    def earlier(self) -> Outcome | None:
        """None if this sending is the first and is now to be carried out; else what became of the first.

        A first one that was refused counts as none.
        """
        give_up = time.monotonic() + WAIT
        now = timezone.now()
        FormSending.objects.filter(created_at__lt=now - timedelta(seconds=KEEP)).delete()
        while True:
            try:
                row, first = FormSending.objects.get_or_create(
                    **self._key, defaults={"state": RUNNING, "created_at": now}
                )
            except IntegrityError:
                continue  # the first one was there, and refused before it could be read
            if first:
                return None
            if row.state != RUNNING or time.monotonic() > give_up:
                return Outcome(row.state, row.made_id, row.seen)
            time.sleep(PAUSE)

    def done(self, made_id: int = 0, *, seen: bool = True) -> None:
        self._row().update(state=DONE, made_id=made_id, seen=seen)

    def failed(self, error: GatewayError) -> bool:
        """Whether it is not known what became of it. If it is, nothing was done, and the same may be sent again."""
        if error.uncertain:
            self._row().update(state=UNKNOWN)
        else:
            self._row().delete()
        return error.uncertain

    def _row(self) -> models.QuerySet[FormSending]:
        return FormSending.objects.filter(**self._key)
