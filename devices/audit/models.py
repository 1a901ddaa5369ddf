"""Tables of the audit trail."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class AuditPerson(models.Model):
    """Whoever appears in the trail. The one place of names and e-mails there, so that they can be erased on request."""

    key = models.CharField(max_length=320, unique=True)
    """`Access.person`; after erasing, a random one that nobody has."""
    user_id = models.BigIntegerField(default=0)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=320, blank=True)

    def __str__(self) -> str:
        return f"person {self.pk}"


class AuditEntry(models.Model):
    """One change that somebody set out to make, written before the platform was asked. Never updated.

    A trigger of the database refuses to update it, and to delete it before `keep_until`. What became of it stands in
    `AuditOutcome`. Ids of owners and organizations stand in `before` and `after` as digits, "" for none.
    """

    created_at = models.DateTimeField(db_index=True)
    keep_until = models.DateTimeField(db_index=True)
    person = models.ForeignKey(AuditPerson, models.PROTECT, related_name="+")
    person_org_id = models.BigIntegerField(null=True, db_index=True)
    """The organization of the person, then."""
    operation = models.CharField(max_length=40)
    """Name of the gateway's method."""
    device_id = models.BigIntegerField(null=True, db_index=True)
    """None for a device that was to be created: its outcome has the id."""
    device_name = models.TextField(blank=True)
    org_id = models.BigIntegerField(null=True, db_index=True)
    """The organization of the device, then."""
    target = models.CharField(max_length=200, blank=True)
    """What of the device, where it has several: a metafield's id, an event's or a template's code."""
    target_name = models.CharField(max_length=200, blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    secret = models.BooleanField(default=False)
    """The values are secrets, so `before` and `after` are empty."""
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=64, unique=True)
    """Which page of a form, by whom, with what filled in: a hash that gives none of it away."""
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="undone_by")
    receipt_hash = models.CharField(max_length=64, blank=True, db_index=True)
    """SHA-256 of the receipt that was made before, in hexadecimal."""

    class Meta:
        indexes = (models.Index(fields=("operation", "created_at"), name="audit_operation"),)

    def __str__(self) -> str:
        return f"entry {self.pk}, {self.operation}"


class AuditOutcome(models.Model):
    """What became of a change. Only ever added: one that is not final is followed by another after the next look.

    An entry without any is a change whose process died on the way: unknown, until somebody looks at the device.
    """

    CONFIRMED, REJECTED, UNKNOWN = "confirmed", "rejected", "unknown"

    entry = models.ForeignKey(AuditEntry, models.CASCADE, related_name="outcomes")
    outcome = models.CharField(max_length=10)
    final = models.BooleanField()
    api_result = models.CharField(max_length=10, blank=True)
    """What the platform said: "accepted", "refused", "lost" (no answer came), "" where only a look was taken."""
    evidence = models.CharField(max_length=10, blank=True)
    """What `outcome` rests on: "read" (read back), "answer" (the platform's word alone), "" for neither. "read" beside
    an unknown outcome: something else reads back than what was asked for."""
    observed_value = models.TextField(blank=True)
    """The value as it read back; empty for a secret, and where nothing was read."""
    error = models.CharField(max_length=40, blank=True)
    """Kind of the gateway's error."""
    created_device_id = models.BigIntegerField(null=True, db_index=True)
    """Of a device that was created."""
    person = models.ForeignKey(AuditPerson, models.PROTECT, null=True, related_name="+")
    """Whose look it was."""
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("entry",), condition=Q(final=True), name="one_final_outcome"),)

    def __str__(self) -> str:
        return f"entry {self.entry_id}: {self.outcome}"
