"""Receipts as they are kept: drafts for an hour while they are collected, then for good with the entry of the trail."""

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
from django.utils import timezone

from devices.core.permissions import Access
from devices.receipts.builder import ReceiptChunk, ReceiptProgress, build_document, sha256_hex
from devices.receipts.models import Receipt, ReceiptDraft, StoredChunk

DRAFT_LIFETIME = timedelta(hours=1)
"""How long a draft lives."""
MAX_DRAFTS = 5
"""Of one person, at most: the oldest give way."""
LEASE_SECONDS = 30.0
"""Seconds after which a request that was reading on has surely ended."""


def draft_key(access: Access, operation: str, device_id: int, idempotency_key: str) -> str:
    told = [access.person, operation, device_id, idempotency_key]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def find_draft(key: str) -> ReceiptDraft | None:
    return ReceiptDraft.objects.filter(key=key, created_at__gt=timezone.now() - DRAFT_LIFETIME).first()


def find_own_draft(access: Access, device_id: int, draft_id: int) -> ReceiptDraft | None:
    """A draft by its number, if it is this person's."""
    mine = ReceiptDraft.objects.filter(person_key=access.person, device_id=device_id)
    return mine.filter(pk=draft_id, created_at__gt=timezone.now() - DRAFT_LIFETIME).first()


def create_draft(
    access: Access, key: str, filled: Mapping[str, object], progress: ReceiptProgress, chunks: list[ReceiptChunk]
) -> ReceiptDraft:
    """Note what was collected so far. If the same form was sent twice, the first one's draft stands."""
    delete_expired_drafts()
    made = {
        "person_key": access.person,
        "device_id": progress.device_id,
        "form_data": json.dumps(filled),
        "progress": _encode(progress),
        "created_at": timezone.now(),
    }
    with transaction.atomic():
        draft, first = ReceiptDraft.objects.get_or_create(key=key, defaults=made)
        if first:
            _add_chunks(draft, chunks)
    mine = ReceiptDraft.objects.filter(person_key=access.person).order_by("-pk")
    ReceiptDraft.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[MAX_DRAFTS:])).delete()
    return draft


def draft_progress(draft: ReceiptDraft) -> ReceiptProgress:
    return msgspec.json.decode(draft.progress, type=ReceiptProgress)


def draft_form_data(draft: ReceiptDraft) -> dict[str, str]:
    filled: dict[str, str] = json.loads(draft.form_data)
    return filled


@contextmanager
def collection_lease(draft: ReceiptDraft) -> Iterator[bool]:
    """Whether this request may read on: two tabs at once would read everything twice."""
    now = time.time()
    mine = ReceiptDraft.objects.filter(pk=draft.pk, leased_until__lt=now).update(leased_until=now + LEASE_SECONDS)
    if mine:
        draft.refresh_from_db()
    try:
        yield bool(mine)
    finally:
        if mine:
            ReceiptDraft.objects.filter(pk=draft.pk).update(leased_until=0)


def save_progress(
    draft: ReceiptDraft,
    progress: ReceiptProgress,
    chunks: list[ReceiptChunk],
    filled: Mapping[str, object] | None = None,
) -> None:
    """Note what was read since, and what was filled in meanwhile."""
    draft.progress = _encode(progress)
    if filled is not None:
        draft.form_data = json.dumps(filled)
    with transaction.atomic():
        # By its number: a draft that was called off meanwhile does not come back.
        there = ReceiptDraft.objects.filter(pk=draft.pk).update(progress=draft.progress, form_data=draft.form_data)
        if there:
            _add_chunks(draft, chunks)


def rekey_draft(draft: ReceiptDraft, key: str) -> None:
    """Let the draft wait for another sending of its form."""
    ReceiptDraft.objects.filter(pk=draft.pk).update(key=key)


def draft_document(draft: ReceiptDraft) -> str:
    pieces = draft.pieces.order_by("pk").values_list("part", "text")
    return build_document(draft_progress(draft), (ReceiptChunk(*piece) for piece in pieces.iterator(chunk_size=8)))


def delete_draft(draft: ReceiptDraft) -> None:
    ReceiptDraft.objects.filter(pk=draft.pk).delete()


def delete_expired_drafts() -> None:
    ReceiptDraft.objects.filter(created_at__lt=timezone.now() - DRAFT_LIFETIME).delete()


def store_receipt(body: str, progress: ReceiptProgress) -> str:
    """Keep the receipt for as long as the trail; its hash. From now on nothing changes it."""
    now = timezone.now()
    kept = {
        "device_id": progress.device_id,
        "body": body,
        "complete": not progress.missing,
        "created_at": now,
        "keep_until": now + timedelta(days=settings.AUDIT_KEEP_DAYS),
    }
    digest = sha256_hex(body)
    Receipt.objects.get_or_create(sha256=digest, defaults=kept)
    return digest


def _add_chunks(draft: ReceiptDraft, chunks: list[ReceiptChunk]) -> None:
    StoredChunk.objects.bulk_create(StoredChunk(draft=draft, part=part, text=text) for part, text in chunks)


def _encode(progress: ReceiptProgress) -> str:
    return msgspec.json.encode(progress).decode()
