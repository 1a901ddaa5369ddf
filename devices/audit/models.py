"""Tables of the audit."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class AuditPerson(models.Model):
    """A person in the audit. Names and e-mails are stored only here, so that they can be erased on request."""

    key = models.CharField(max_length=320, unique=True)
    """`Access.person`; after erasure a random key that nobody has."""
    user_id = models.BigIntegerField(default=0)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=320, blank=True)

    def __str__(self) -> str:
        return f"person {self.pk}"


class AuditEntry(models.Model):
    """A change that a person requested, written before the platform was called. Never updated.

    Database triggers refuse updates, and deletes before `keep_until`. The result is in `AuditOutcome`. Ids of owners
    and organizations are stored in `before` and `after` as digits, "" for none.
    """

    created_at = models.DateTimeField(db_index=True)
    keep_until = models.DateTimeField(db_index=True)
    person = models.ForeignKey(AuditPerson, models.PROTECT, related_name="+")
    person_org_id = models.BigIntegerField(null=True, db_index=True)
    """The person's organization at that time."""
    operation = models.CharField(max_length=40)
    """Name of the gateway method."""
    device_id = models.BigIntegerField(null=True, db_index=True)
    """None for a device that was to be created: its id is in the outcome."""
    device_name = models.TextField(blank=True)
    org_id = models.BigIntegerField(null=True, db_index=True)
    """The device's organization at that time."""
    target = models.CharField(max_length=200, blank=True)
    """Which one, where a device has several: a metafield's id, or the code of an event or template."""
    target_name = models.CharField(max_length=200, blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    secret = models.BooleanField(default=False)
    """The values are secrets, so `before` and `after` are empty."""
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=64, unique=True)
    """SHA-256 of the form's key, the person and the submitted values."""
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="undone_by")
    receipt_hash = models.CharField(max_length=64, blank=True, db_index=True)
    """SHA-256 of the receipt, in hexadecimal."""

    class Meta:
        indexes = (models.Index(fields=("operation", "created_at"), name="audit_operation"),)

    def __str__(self) -> str:
        return f"entry {self.pk}, {self.operation}"


class AuditOutcome(models.Model):
    """A result of a change. Rows are only added: one that is not final is followed by another when reconciled."""

    CONFIRMED, REJECTED, UNKNOWN = "confirmed", "rejected", "unknown"

    entry = models.ForeignKey(AuditEntry, models.CASCADE, related_name="outcomes")
    outcome = models.CharField(max_length=10)
    final = models.BooleanField()
    api_result = models.CharField(max_length=10, blank=True)
    """The platform's reply: "accepted", "refused", "lost" (no reply); "" if this outcome is from reconciling."""
    evidence = models.CharField(max_length=10, blank=True)
    """Why: "read_back" (the device was read), "reply" (only the platform's reply), "" for neither. "read_back" with an
    unknown outcome: the device holds something other than what was requested."""
    observed_value = models.TextField(blank=True)
    """The value read back; empty for a secret, or if nothing was read."""
    error = models.CharField(max_length=40, blank=True)
    """Class name of the gateway's error."""
    created_device_id = models.BigIntegerField(null=True, db_index=True)
    person = models.ForeignKey(AuditPerson, models.PROTECT, null=True, related_name="+")
    """The person whose request recorded this outcome."""
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("entry",), condition=Q(final=True), name="one_final_outcome"),)

    def __str__(self) -> str:
        return f"entry {self.entry_id}: {self.outcome}"
