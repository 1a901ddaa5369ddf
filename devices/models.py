"""All tables of the app, for Django. Each stands in its package."""

from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.changes.models import DeviceLock
from devices.preferences.models import Preference
from devices.receipts.models import Receipt, ReceiptDraft, StoredChunk

__all__ = [
    "AuditEntry",
    "AuditOutcome",
    "AuditPerson",
    "DeviceLock",
    "Preference",
    "Receipt",
    "ReceiptDraft",
    "StoredChunk",
]
