"""Encrypt anew, with the first of TOKEN_KEYS, what the older keys have encrypted."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.auth.rotation import BUSY, ORDER, SEALED, UNREADABLE, rotate


class Command(BaseCommand):
    help = (
        "Encrypt with the first of TOKEN_KEYS what the others have encrypted. Put the new key first and restart all "
        "processes before, and take the old key out only when a run has nothing left to do."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for sealed in SEALED:
            counts = rotate(sealed)
            told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ORDER)
            self.stdout.write(f"{sealed.words}: {told}")
            if counts[UNREADABLE]:
                self.stderr.write("What no key opens is lost: its people sign in again. Was a key taken out too early?")
            if counts[BUSY]:
                self.stderr.write("Run this once more.")
