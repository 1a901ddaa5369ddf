"""The table of preferences."""

from __future__ import annotations

from django.db import models


class Preference(models.Model):
    """What a person has chosen for themselves (preferences.py). Read with each request, by portal/signin/grants.py."""

    person = models.CharField(max_length=640, primary_key=True)
    """`Access.person`."""
    value = models.TextField()
    """The choices that are not the defaults, as JSON."""

    def __str__(self) -> str:
        return f"preferences of {self.person}"
