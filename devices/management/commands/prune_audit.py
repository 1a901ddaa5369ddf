"""`manage.py prune_audit`: delete what the trail of changes has kept for long enough. To be run daily."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from devices.audit import retention, triggers


class Command(BaseCommand):
    help = (
        "Deletes entries, outcomes and receipts of the trail of changes that are past their time (AUDIT_KEEP_DAYS at "
        "the time they were written). Also puts the database's triggers back, should somebody have removed them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        triggers.install()
        done = retention.prune()
        self.stdout.write(
            f"Deleted {done.entries} entries, {done.outcomes} outcomes, {done.receipts} receipts and "
            f"{done.persons} people whom nothing names any more."
        )
