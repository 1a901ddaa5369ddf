"""The table of API grants: which person's tokens a session owns."""

from __future__ import annotations

from django.db import models


class ApiGrant(models.Model):
    """One row a sign-in. The session knows `handle` and nothing else, so a late save of a session can lose no token.

    Written by grants.py alone, always by compare-and-set on `version`. What decides between requests is in seconds
    since 1970, which every database gives back as it was stored.
    """

    handle = models.CharField(max_length=64, primary_key=True)
    user = models.BigIntegerField(db_index=True)
    profile = models.TextField()
    """The person as the platform described them at sign-in, in JSON."""
    blob = models.TextField()
    """The tokens, encrypted (crypto.py)."""
    expires_at = models.FloatField()
    refresh_at = models.FloatField()
    """From here to `expires_at` one request renews the tokens while the others go on with them."""
    version = models.PositiveIntegerField(default=1)
    lease_by = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.FloatField(default=0.0)
    """Who is renewing, and until when nobody else may try."""
    lost = models.BooleanField(default=False)
    """The refresh token is spent or refused: only a new sign-in helps."""
    last_seen = models.DateTimeField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"grant of user {self.user}, version {self.version}"
