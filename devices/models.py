"""What the app itself keeps: no device, only what the platform cannot give."""

from __future__ import annotations

from django.db import models


class FormSending(models.Model):
    """One sending of a form that must be carried out once. Written by once.py alone; a row lives for minutes."""

    scope = models.CharField(max_length=64)
    """Whose: the scope of the person's sign-in."""
    digest = models.CharField(max_length=64)
    """Which page of the form, with what filled in: a hash that gives neither away."""
    state = models.CharField(max_length=8)
    made_id = models.BigIntegerField(default=0)
    """What it made, 0 for nothing that has an id."""
    seen = models.BooleanField(default=True)
    """Whether the person can see what was made."""
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("scope", "digest"), name="one_sending"),)

    def __str__(self) -> str:
        return f"sending {self.digest[:8]}, {self.state}"
