"""`manage.py prune_audit`: delete what is past its retention time. Run it daily."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from devices.audit import retention, triggers


class Command(BaseCommand):
    help = (
        "Deletes audit entries, outcomes and receipts that are past their retention time (AUDIT_KEEP_DAYS when they "
        "were written). Also reinstalls missing database triggers."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        triggers.install()
        deleted = [f"{count} {name}" for name, count in retention.prune().items()]
        self.stdout.write(f"Deleted {', '.join(deleted)}.")
