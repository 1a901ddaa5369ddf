"""`manage.py erase_person EMAIL|USER_ID`: remove a person's name and e-mail from the audit."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.audit import retention


class Command(BaseCommand):
    help = (
        "Erases a person's name, e-mail and user id from the audit, and their preferences. Their changes stay, without "
        "a name. Not searched: reasons that people typed, receipts and the log; they may name the person too. If the "
        "person owned a device before or after a change, that change still shows their user id."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", metavar="EMAIL|USER_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        who = options["who"].strip()
        erased, had_preferences = retention.erase(who), retention.erase_elsewhere(who)
        if not erased and had_preferences:
            self.stdout.write("Erased their preferences. Nobody in the audit has this user id.")
            return
        if not erased:
            raise CommandError(
                "Nobody in the audit has this e-mail or user id. For people who never changed anything, use the user "
                "id: their preferences are not found by e-mail."
            )
        for row in erased:
            self.stdout.write(
                f"Erased person {row.id}: name, e-mail, user id and preferences. "
                f"Their {row.entries} changes and {row.outcomes} outcomes stay, without a name."
            )
        self.stdout.write("Reasons, receipts and the log were not searched: they may name the person too.")
        self.stdout.write("Changes of device owners still show their user id.")
