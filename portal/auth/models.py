"""Tables of sign-in: the tokens of each session, sign-ons at the company's provider, and drafts."""

from __future__ import annotations

from django.db import models


class ApiGrant(models.Model):
    """The tokens of one sign-in. The session holds only `handle`, so a late save of a session cannot lose a token.

    Only grants.py writes it, by compare-and-set on `version`. Times are Unix seconds, which every database returns
    exactly as stored.
    """

    handle = models.CharField(max_length=64, primary_key=True)
    user = models.BigIntegerField(db_index=True)
    profile = models.TextField()
    """The user profile from the platform at sign-in, in JSON."""
    person = models.TextField(db_index=True)
    """`Access.person`: the same in all sign-ins of one person."""
    org = models.BigIntegerField(null=True, db_index=True)
    blob = models.TextField()
    """The tokens, encrypted (crypto.py)."""
    expires_at = models.FloatField()
    refresh_at = models.FloatField()
    """From here to `expires_at` one request refreshes the tokens while the others still use them."""
    version = models.PositiveIntegerField(default=1)
    lease_by = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.FloatField(default=0.0)
    """Who is refreshing, and until when no other request may."""
    revoked = models.BooleanField(default=False)
    """The refresh token is spent or refused: only a new sign-in helps."""
    subject = models.CharField(max_length=640, default="", blank=True, db_index=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    """Person and session at the company's sign-on, for back-channel logout; empty without one."""
    identity = models.TextField(default="", blank=True)
    """The person from the sign-on, in JSON (sso/identity.py)."""
    last_seen = models.FloatField()
    """When the person was last active, to the minute. Polls by a page do not count."""
    device_cache_version = models.BigIntegerField(default=0)
    directory_cache_version = models.BigIntegerField(default=0)
    """Raised in all grants of a person to invalidate their cached responses (response_cache.py)."""
    created_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return f"grant of user {self.user}, version {self.version}"


class SsoLogin(models.Model):
    """A person signed in at the provider. It outlives a revoked grant, so that reconnecting needs no second sign-on."""

    handle = models.CharField(max_length=64, primary_key=True)
    subject = models.CharField(max_length=640, db_index=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    identity = models.TextField()
    hint = models.TextField(default="", blank=True)
    """The ID token, encrypted. It is sent back to the provider at sign-out."""
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sign-on of {self.subject}"


class LogoutNotice(models.Model):
    """A logout token from the provider, recorded so that no process accepts it twice."""

    key = models.CharField(max_length=64, primary_key=True)
    """A digest of issuer and `jti`."""
    subject = models.CharField(max_length=640, default="", blank=True)
    sid = models.CharField(max_length=255, default="", blank=True, db_index=True)
    received_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"signed out: {self.subject or self.sid}"


class Draft(models.Model):
    """A form submitted after its session ended. Only drafts.py writes it; browser and person are hashes."""

    browser = models.CharField(max_length=64)
    person = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    blob = models.TextField()
    """The fields, encrypted (crypto.py)."""
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("browser", "path"), name="one_draft"),)

    def __str__(self) -> str:
        return f"draft for {self.path}"
