"""End all sessions of a person in every process."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.auth import session_admin


class Command(BaseCommand):
    help = "End all sessions of a person in every process. They can sign in again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", metavar="EMAIL_OR_USER_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = session_admin.grants_of_account(options["account"])
        ended = session_admin.end_grants(rows, by="manage.py end_sessions")
        self.stdout.write(f"{ended} {'session' if ended == 1 else 'sessions'} ended.")
