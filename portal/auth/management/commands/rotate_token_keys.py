"""Re-encrypt with the first of TOKEN_KEYS what the older keys encrypted."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.auth.rotation import ENCRYPTED_COLUMNS, ROTATION_OUTCOMES, SKIPPED, UNDECRYPTABLE, rotate


class Command(BaseCommand):
    help = (
        "Re-encrypt with the first of TOKEN_KEYS what the other keys encrypted. First add the new key at the front and "
        "restart all processes. Remove the old key when a run reports nothing left to do."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for field in ENCRYPTED_COLUMNS:
            counts = rotate(field)
            summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ROTATION_OUTCOMES)
            self.stdout.write(f"{field.label}: {summary}")
            if counts[UNDECRYPTABLE]:
                self.stderr.write(
                    "Rows that no key decrypts are lost; their users must sign in again. Was a key removed too early?"
                )
            if counts[SKIPPED]:
                self.stderr.write("Some rows changed during the run. Run the command again.")
