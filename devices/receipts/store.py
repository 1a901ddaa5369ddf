"""Stored receipts: drafts for an hour while they are collected, then permanent rows that audit entries refer to."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from devices.audit.models import AuditEntry
from devices.core.permissions import Access
from devices.receipts.builder import ReceiptChunk, ReceiptProgress, build_document, sha256_hex
from devices.receipts.models import Receipt, ReceiptDraft, StoredChunk

DRAFT_LIFETIME = timedelta(hours=1)
MAX_RECEIPT_DRAFTS = 5
"""Drafts of one person; the oldest are deleted."""
LEASE_SECONDS = 30.0
"""After this, a request that was collecting has surely ended."""


def draft_key(access: Access, operation: str, device_id: int, idempotency_key: str) -> str:
    parts = [access.person, operation, device_id, idempotency_key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def find_draft(key: str) -> ReceiptDraft | None:
    return ReceiptDraft.objects.filter(key=key, created_at__gt=timezone.now() - DRAFT_LIFETIME).first()


def find_own_draft(access: Access, device_id: int, draft_id: int) -> ReceiptDraft | None:
    """A draft by its id, if it is this person's."""
    own = ReceiptDraft.objects.filter(person_key=access.person, device_id=device_id)
    return own.filter(pk=draft_id, created_at__gt=timezone.now() - DRAFT_LIFETIME).first()


def create_draft(
    access: Access, key: str, filled: Mapping[str, object], progress: ReceiptProgress, chunks: list[ReceiptChunk]
) -> ReceiptDraft:
    """Store what was collected so far. If the same form was submitted twice, the first draft wins."""
    _delete_expired_drafts()
    values = {
        "person_key": access.person,
        "device_id": progress.device_id,
        "form_data": json.dumps(filled),
        "progress": _encode(progress),
        "created_at": timezone.now(),
    }
    with transaction.atomic():
        draft, first = ReceiptDraft.objects.get_or_create(key=key, defaults=values)
        if first:
            _add_chunks(draft, chunks)
    own = ReceiptDraft.objects.filter(person_key=access.person).order_by("-pk")
    ReceiptDraft.objects.filter(pk__in=list(own.values_list("pk", flat=True)[MAX_RECEIPT_DRAFTS:])).delete()
    return draft


def draft_progress(draft: ReceiptDraft) -> ReceiptProgress:
    return msgspec.json.decode(draft.progress, type=ReceiptProgress)


def draft_form_data(draft: ReceiptDraft) -> dict[str, str]:
    form_data: dict[str, str] = json.loads(draft.form_data)
    return form_data


@contextmanager
def collection_lease(draft: ReceiptDraft) -> Iterator[bool]:
    """Whether this request may collect: two tabs at once would read everything twice."""
    now = time.time()
    row = ReceiptDraft.objects.filter(pk=draft.pk)
    acquired = row.filter(leased_until__lt=now).update(leased_until=now + LEASE_SECONDS)
    if acquired:
        draft.refresh_from_db()
    try:
        yield bool(acquired)
    finally:
        if acquired:
            row.update(leased_until=0)


def save_progress(
    draft: ReceiptDraft,
    progress: ReceiptProgress,
    chunks: list[ReceiptChunk],
    filled: Mapping[str, object] | None = None,
) -> None:
    """Store newly collected chunks, and the form's fields if given."""
    draft.progress = _encode(progress)
    if filled is not None:
        draft.form_data = json.dumps(filled)
    with transaction.atomic():
        # An update, not save(): a draft that was cancelled meanwhile stays deleted.
        if ReceiptDraft.objects.filter(pk=draft.pk).update(progress=draft.progress, form_data=draft.form_data):
            _add_chunks(draft, chunks)


def rekey_draft(draft: ReceiptDraft, key: str) -> None:
    """Attach the draft to the next submission of its form."""
    ReceiptDraft.objects.filter(pk=draft.pk).update(key=key)


def draft_document(draft: ReceiptDraft) -> str:
    chunks = draft.chunks.order_by("pk").values_list("part", "text")
    return build_document(draft_progress(draft), (ReceiptChunk(*chunk) for chunk in chunks.iterator(chunk_size=8)))


def store_receipt(body: str, progress: ReceiptProgress) -> str:
    """Store the finished receipt for AUDIT_KEEP_DAYS and return its hash. It cannot be changed afterwards."""
    now = timezone.now()
    values = {
        "device_id": progress.device_id,
        "body": body,
        "complete": not progress.missing,
        "created_at": now,
        "keep_until": now + timedelta(days=settings.AUDIT_KEEP_DAYS),
    }
    digest = sha256_hex(body)
    Receipt.objects.get_or_create(sha256=digest, defaults=values)
    return digest


def delete_expired() -> int:
    """Delete expired drafts, and expired receipts that no entry refers to. Returns the number of receipts."""
    _delete_expired_drafts()
    entries = AuditEntry.objects.filter(receipt_hash=OuterRef("sha256"))
    return Receipt.objects.filter(~Exists(entries), keep_until__lte=timezone.now()).delete()[0]


def _delete_expired_drafts() -> None:
    ReceiptDraft.objects.filter(created_at__lt=timezone.now() - DRAFT_LIFETIME).delete()


def _add_chunks(draft: ReceiptDraft, chunks: list[ReceiptChunk]) -> None:
    StoredChunk.objects.bulk_create(StoredChunk(draft=draft, part=part, text=text) for part, text in chunks)


def _encode(progress: ReceiptProgress) -> str:
    return msgspec.json.encode(progress).decode()
