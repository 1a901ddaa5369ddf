"""The table of preferences."""

from __future__ import annotations

from django.db import models

from devices.core import api_rules
from devices.core.preferences import DEFAULT_COLUMNS


class Preference(models.Model):
    """A person's preferences. Each request reads them with its grant (portal/auth/grants.py)."""

    person = models.CharField(max_length=640, primary_key=True)
    """`Access.person`."""
    zone = models.CharField(max_length=64, blank=True)
    theme = models.CharField(max_length=10, default="auto")
    language = models.CharField(max_length=10, default="auto")
    shortcuts = models.BooleanField(default=True)
    columns = models.CharField(max_length=200, blank=True, default=",".join(DEFAULT_COLUMNS))
    page_size = models.PositiveSmallIntegerField(default=api_rules.PAGE_SIZE)

    def __str__(self) -> str:
        return f"preferences of {self.person}"
