"""`manage.py erase_person EMAIL|USER_ID`: take somebody's name and e-mail out of the trail of changes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from devices.audit import retention


class Command(BaseCommand):
    help = (
        "Erases name, e-mail and user id of a person from the trail of changes, and their preferences; what they did "
        "stays, of nobody known. "
        "Reasons that people typed, receipts and the log are not searched: they may name the person too. Where they "
        "were a device's owner before or after a change, their user id stays in it: it is what was changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", metavar="EMAIL|USER_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        who = options["who"].strip()
        erased, forgotten = retention.erase(who), retention.forget_choices(who)
        if not erased and forgotten:
            self.stdout.write("Their preferences are gone. Nobody in the trail of changes has this user id.")
            return
        if not erased:
            raise CommandError(
                "Nobody in the trail of changes has this e-mail or user id. Preferences of somebody who never changed "
                "anything are found by the user id only."
            )
        for row in erased:
            self.stdout.write(
                f"Erased person {row.id}: name, e-mail, user id and preferences are gone. "
                f"Their {row.entries} changes and {row.looks} outcomes stay, without a name."
            )
        self.stdout.write("Reasons, receipts and the log were not searched: they may name the person too.")
        self.stdout.write("As an owner of devices they stay in the changes of owners, by their user id.")
