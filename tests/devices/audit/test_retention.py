"""Retention: pruning expired rows, and erasing a person."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.audit import retention
from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.receipts.models import Receipt
from tests.devices.audit import entries
from tests.devices.conftest import SignIn, words
from tests.servers import SandboxServer

DAY = timedelta(days=1)
LONG_AGO = timezone.now() - timedelta(days=800)

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_only_expired_rows_are_deleted() -> None:
    for _ in range(3):
        entries.entry(at=LONG_AGO, keep_for=DAY, person=entries.person("user:77", "Gone", "gone@example.org"))
    entries.receipt(at=LONG_AGO, keep_for=DAY)
    fresh, receipt = entries.entry(keep_for=DAY), entries.receipt(keep_for=DAY)
    output = run("prune_audit")
    assert output == "Deleted 3 entries, 3 outcomes, 1 receipts, 1 people.\n"
    assert [row.pk for row in AuditEntry.objects.all()] == [fresh.pk]
    assert [row.entry_id for row in AuditOutcome.objects.all()] == [fresh.pk]
    assert [row.pk for row in Receipt.objects.all()] == [receipt.pk]
    assert [row.pk for row in AuditPerson.objects.all()] == [fresh.person_id]
    assert run("prune_audit") == "Deleted 0 entries, 0 outcomes, 0 receipts, 0 people.\n"


def test_rows_are_deleted_in_batches() -> None:
    for _ in range(7):
        entries.entry(at=LONG_AGO, keep_for=DAY)
    assert retention.prune(batch=2)["entries"] == 7
    assert not AuditEntry.objects.exists()


def test_a_change_is_kept_as_long_as_its_undo() -> None:
    """The undo refers to the change, and rows are never updated."""
    undone = entries.entry(at=LONG_AGO, keep_for=DAY)
    undo = entries.entry(at=LONG_AGO, keep_for=timedelta(days=801), undoes=undone)
    assert retention.prune()["entries"] == 0
    both = entries.entry(at=LONG_AGO, keep_for=DAY)
    entries.entry(at=LONG_AGO, keep_for=DAY, undoes=both)
    assert retention.prune()["entries"] == 2
    assert {row.pk for row in AuditEntry.objects.all()} == {undone.pk, undo.pk}


def test_a_receipt_is_kept_as_long_as_its_entry() -> None:
    receipt = entries.receipt(at=LONG_AGO, keep_for=DAY)
    entries.entry(keep_for=DAY, receipt_hash=receipt.sha256)
    assert retention.prune()["receipts"] == 0


@pytest.mark.parametrize("who", ["MIRA@example.org", "901"])
def test_erasing_a_person_keeps_their_changes(who: str) -> None:
    other = entries.person("user:902", "Mirabelle", "mira@example.org.example")
    person = entries.person()
    AuditPerson.objects.filter(pk=person.pk).update(user_id=901)
    entry = entries.entry(person=person, keep_for=DAY)
    output = run("erase_person", who)
    assert f"Erased person {person.pk}" in output
    assert "Their 1 changes and 1 outcomes stay" in output
    person.refresh_from_db()
    assert (person.name, person.email, person.user_id) == ("", "", 0)
    assert person.key.startswith("erased:")
    assert AuditEntry.objects.get(pk=entry.pk).after == "Cold room 15"
    other.refresh_from_db()
    assert other.email == "mira@example.org.example"
    with pytest.raises(CommandError, match="Nobody"):
        run("erase_person", who)


@pytest.mark.parametrize("who", ["", "nobody@example.org", "4711"])
def test_erasing_an_unknown_person_is_an_error(who: str) -> None:
    entries.person()
    AuditPerson.objects.create(key="sign-on|without-mail", name="No mail")
    with pytest.raises(CommandError):
        run("erase_person", who)
    assert not AuditPerson.objects.filter(key__startswith="erased:").exists()


def test_an_erased_person_who_signs_in_again_gets_a_new_row(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    sign_in("support").post("/devices/1/rename/", {"name": "Before"})
    old = AuditEntry.objects.get().person
    run("erase_person", "support@example.com")
    sign_in("support").post("/devices/1/rename/", {"name": "After"})
    new = AuditEntry.objects.latest("pk").person
    assert new.pk != old.pk
    assert new.email == "support@example.com"
    shown = words(sign_in("admin").get("/devices/1/changes/"))
    assert "Erased person" in shown
    assert "Sam Okafor" in shown
