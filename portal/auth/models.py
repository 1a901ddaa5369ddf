"""What sign-in keeps: the tokens that a session owns, and who its person is to the company's sign-on."""

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
    person = models.TextField(db_index=True)
    """`Access.person`: the same for all sign-ins of one person."""
    org = models.BigIntegerField(null=True, db_index=True)
    blob = models.TextField()
    """The tokens, encrypted (crypto.py)."""
    expires_at = models.FloatField()
    refresh_at = models.FloatField()
    """From here to `expires_at` one request renews the tokens while the others go on with them."""
    version = models.PositiveIntegerField(default=1)
    lease_by = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.FloatField(default=0.0)
    """Who is renewing, and until when nobody else may try."""
    revoked = models.BooleanField(default=False)
    """The refresh token is used up or refused, or the session was idle for too long: only a new sign-in helps."""
    subject = models.CharField(max_length=640, default="", blank=True, db_index=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    """Person and session at the company's sign-on, which may end both from there; empty without one."""
    identity = models.TextField(default="", blank=True)
    """The person as the sign-on described them, in JSON (sso/identity.py)."""
    last_seen = models.FloatField()
    """When the person last did something, to the minute. A page that asks again by itself does not count."""
    device_cache_version = models.BigIntegerField(default=0)
    directory_cache_version = models.BigIntegerField(default=0)
    """Raised in all grants of a person to invalidate their cached responses (response_cache.py)."""
    created_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return f"grant of user {self.user}, version {self.version}"


class SsoLogin(models.Model):
    """Somebody whom the company's provider signed in. The session knows `handle`; grants of theirs stand beside it.

    It outlives a revoked grant, so that connecting the account on the platform anew needs no second sign-on.
    """

    handle = models.CharField(max_length=64, primary_key=True)
    subject = models.CharField(max_length=640, db_index=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    identity = models.TextField()
    hint = models.TextField(default="", blank=True)
    """The ID token, encrypted: the provider wants it back at sign-out."""
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sign-on of {self.subject}"


class LogoutNotice(models.Model):
    """A message of the provider that somebody signed out there. Each counts once, in whichever process it arrives."""

    key = models.CharField(max_length=64, primary_key=True)
    """A digest of issuer and `jti`."""
    subject = models.CharField(max_length=640, default="", blank=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    received_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"signed out: {self.subject or self.sid}"


class Draft(models.Model):
    """A form that was sent when its session had ended. Written by drafts.py alone; a row lives for an hour.

    Browser and person are hashes, what was typed is in `blob` alone.
    """

    browser = models.CharField(max_length=64)
    person = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    """Of the form."""
    blob = models.TextField()
    """The fields, encrypted (crypto.py)."""
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("browser", "path"), name="one_draft"),)

    def __str__(self) -> str:
        return f"draft for {self.path}"
