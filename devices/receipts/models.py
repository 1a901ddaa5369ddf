"""Tables of receipts."""

from __future__ import annotations

from django.db import models


class Receipt(models.Model):
    """What a device held before it was deleted or its data erased, as the JSON text that people download."""

    sha256 = models.CharField(max_length=64, unique=True)
    """Of `body` in UTF-8, in hexadecimal."""
    device_id = models.BigIntegerField(db_index=True)
    body = models.TextField()
    complete = models.BooleanField()
    """Whether no part is missing; the body names the missing parts."""
    created_at = models.DateTimeField()
    keep_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"receipt of device {self.device_id}"


class ReceiptDraft(models.Model):
    """A receipt that is being collected, with the form that waits for it. Lives for an hour."""

    key = models.CharField(max_length=64, unique=True)
    """SHA-256 of the form's idempotency key and the person."""
    person_key = models.CharField(max_length=320, db_index=True)
    device_id = models.BigIntegerField()
    form_data = models.TextField()
    """The form's fields as JSON."""
    progress = models.TextField()
    """`builder.ReceiptProgress` as JSON."""
    leased_until = models.FloatField(default=0)
    """Epoch seconds until which one request collects."""
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"draft of a receipt of device {self.device_id}"


class StoredChunk(models.Model):
    """A chunk of a draft, as it appears in the document."""

    draft = models.ForeignKey(ReceiptDraft, models.CASCADE, related_name="chunks")
    part = models.CharField(max_length=20)
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.part} of draft {self.draft_id}"
