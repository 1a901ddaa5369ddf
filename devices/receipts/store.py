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
from devices.receipts.builder import Chunk, Progress, document, hash_of
from devices.receipts.models import Receipt, ReceiptDraft, ReceiptPiece

KEEP = timedelta(hours=1)
"""How long a draft lives."""
DRAFTS = 5
"""Of one person, at most: the oldest give way."""
BUSY = 30.0
"""Seconds after which a request that was reading on has surely ended."""


def key_of(access: Access, operation: str, device_id: int, idempotency_key: str) -> str:
    told = [access.person, operation, device_id, idempotency_key]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def draft_of(key: str) -> ReceiptDraft | None:
    return ReceiptDraft.objects.filter(key=key, created_at__gt=timezone.now() - KEEP).first()


def own_draft(access: Access, device_id: int, draft_id: int) -> ReceiptDraft | None:
    """A draft by its number, if it is this person's."""
    mine = ReceiptDraft.objects.filter(person_key=access.person, device_id=device_id)
    return mine.filter(pk=draft_id, created_at__gt=timezone.now() - KEEP).first()


def keep_draft(
    access: Access, key: str, filled: Mapping[str, object], progress: Progress, chunks: list[Chunk]
) -> ReceiptDraft:
    """Note what was collected so far. If the same form was sent twice, the first one's draft stands."""
    forget_old()
    made = {
        "person_key": access.person,
        "device_id": progress.device_id,
        "filled": json.dumps(filled),
        "progress": _written(progress),
        "created_at": timezone.now(),
    }
    with transaction.atomic():
        draft, first = ReceiptDraft.objects.get_or_create(key=key, defaults=made)
        if first:
            _add(draft, chunks)
    mine = ReceiptDraft.objects.filter(person_key=access.person).order_by("-pk")
    ReceiptDraft.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[DRAFTS:])).delete()
    return draft


def progress_of(draft: ReceiptDraft) -> Progress:
    return msgspec.json.decode(draft.progress, type=Progress)


def filled_of(draft: ReceiptDraft) -> dict[str, str]:
    filled: dict[str, str] = json.loads(draft.filled)
    return filled


@contextmanager
def reading_on(draft: ReceiptDraft) -> Iterator[bool]:
    """Whether this request may read on: two tabs at once would read everything twice."""
    now = time.time()
    mine = ReceiptDraft.objects.filter(pk=draft.pk, busy_until__lt=now).update(busy_until=now + BUSY)
    if mine:
        draft.refresh_from_db()
    try:
        yield bool(mine)
    finally:
        if mine:
            ReceiptDraft.objects.filter(pk=draft.pk).update(busy_until=0)


def add(
    draft: ReceiptDraft, progress: Progress, chunks: list[Chunk], filled: Mapping[str, object] | None = None
) -> None:
    """Note what was read since, and what was filled in meanwhile."""
    draft.progress = _written(progress)
    if filled is not None:
        draft.filled = json.dumps(filled)
    with transaction.atomic():
        # By its number: a draft that was called off meanwhile does not come back.
        there = ReceiptDraft.objects.filter(pk=draft.pk).update(progress=draft.progress, filled=draft.filled)
        if there:
            _add(draft, chunks)


def move(draft: ReceiptDraft, key: str) -> None:
    """Let the draft wait for another sending of its form."""
    ReceiptDraft.objects.filter(pk=draft.pk).update(key=key)


def document_of(draft: ReceiptDraft) -> str:
    pieces = draft.pieces.order_by("pk").values_list("part", "text")
    return document(progress_of(draft), (Chunk(*piece) for piece in pieces.iterator(chunk_size=8)))


def forget(draft: ReceiptDraft) -> None:
    ReceiptDraft.objects.filter(pk=draft.pk).delete()


def forget_old() -> None:
    ReceiptDraft.objects.filter(created_at__lt=timezone.now() - KEEP).delete()


def keep(body: str, progress: Progress) -> str:
    """Keep the receipt for as long as the trail; its hash. From now on nothing changes it."""
    now = timezone.now()
    kept = {
        "device_id": progress.device_id,
        "body": body,
        "complete": not progress.missing,
        "created_at": now,
        "keep_until": now + timedelta(days=settings.AUDIT_KEEP_DAYS),
    }
    digest = hash_of(body)
    Receipt.objects.get_or_create(sha256=digest, defaults=kept)
    return digest


def _add(draft: ReceiptDraft, chunks: list[Chunk]) -> None:
    ReceiptPiece.objects.bulk_create(ReceiptPiece(draft=draft, part=part, text=text) for part, text in chunks)


def _written(progress: Progress) -> str:
    return msgspec.json.encode(progress).decode()
