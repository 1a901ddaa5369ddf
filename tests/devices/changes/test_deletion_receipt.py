"""A receipt that takes long: collected bit by bit on a page of its own, which ends in one press."""

from __future__ import annotations

import hashlib
import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from devices.audit.models import AuditEntry
from devices.changes.writes import deletion_receipt
from devices.gateway.errors import RateLimited
from devices.receipts import builder as receipt_builder
from devices.receipts.models import Receipt, ReceiptDraft, StoredChunk
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import filled, writes
from tests.devices.conftest import Person, soup, words
from tests.devices.receipts.test_builder import CLEAR, DELETE, missing_parts_notice, opened
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


@pytest.fixture
def one_round_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read as the form is sent, and one round of calls with each look at the page of progress."""
    monkeypatch.setattr(receipt_builder, "PAGE_SIZE", 100)
    monkeypatch.setattr(deletion_receipt, "WITH_FORM", 0.0)
    monkeypatch.setattr(deletion_receipt, "PER_POLL", 0.001)


def test_what_takes_long_goes_on_with_each_look_and_ends_in_one_press(
    admin: Person, platform: SandboxServer, one_round_a_look: None
) -> None:
    sent = admin.post(DELETE, opened(admin))
    assert sent.status_code == 303
    url = sent["Location"]
    assert url.startswith(f"/devices/{fleet.RICH}/receipt/")
    first = admin.get(url)
    bar = soup(first).select_one("progress")
    assert bar is not None
    assert "6 of 13 pages read" in words(first)
    assert (bar["value"], bar["max"]) == ("6", "13")
    assert "Nothing has been deleted yet." in words(first)
    assert soup(first).select_one("noscript meta[http-equiv=refresh]")
    assert soup(first).select_one("#receipt[hx-get]")
    second = admin.htmx(url)
    assert "10 of 13 pages read" in words(second)
    assert writes(platform) == []
    ready = admin.get(url)
    assert "The receipt is ready" in words(ready)
    assert not soup(ready).select("noscript meta")
    assert not soup(ready).select("[hx-trigger]")
    link = soup(ready).select_one("#receipt-file")
    digest = soup(ready).select_one(".hash")
    assert link is not None
    assert digest is not None
    file = admin.get(str(link["href"]))
    assert hashlib.sha256(file.content).hexdigest() == digest.get_text()
    assert len(json.loads(file.content)["timeline"]) == 640
    platform.clear_requests()
    form = last_form(ready)
    done = admin.post(DELETE, form)
    assert done["Location"].startswith("/devices/?change=")
    assert admin.post(DELETE, form)["Location"] == done["Location"]
    assert writes(platform) == [("DELETE", "/device")]
    assert AuditEntry.objects.get().receipt_hash == digest.get_text()
    assert AuditEntry.objects.get().reason == "HC-20418"
    assert not ReceiptDraft.objects.exists()
    assert not StoredChunk.objects.exists()


def looked_at(person: Person, url: str) -> Any:
    """The page of progress when it is ready."""
    for _look in range(10):
        page = person.get(url)
        if "The receipt is ready" in words(page):
            return page
    raise AssertionError(words(page))


def last_form(page: Any) -> dict[str, str]:
    fields = soup(page).select("form.confirm-last input[type=hidden]")
    return {str(field["name"]): str(field.get("value", "")) for field in fields}


def test_it_can_be_called_off(admin: Person, platform: SandboxServer, one_round_a_look: None) -> None:
    url = admin.post(CLEAR, opened(admin, CLEAR))["Location"]
    admin.get(url)
    answer = admin.post(url)
    assert answer["Location"] == f"/devices/{fleet.RICH}/"
    assert "Cancelled. Nothing was changed" in words(admin.get(answer["Location"]))
    assert admin.get(url).status_code == 404
    assert not StoredChunk.objects.exists()
    assert writes(platform) == []
    assert not AuditEntry.objects.exists()


def test_it_is_nobody_elses_business_and_gone_after_an_hour(
    admin: Person, support: Person, one_round_a_look: None
) -> None:
    url = admin.post(DELETE, opened(admin))["Location"]
    assert support.get(url).status_code == support.post(url).status_code == 404
    assert admin.get(url + "receipt.json").status_code == 404  # not before all is there
    ReceiptDraft.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert admin.get(url).status_code == 404
    admin.post(DELETE, opened(admin))
    assert ReceiptDraft.objects.count() == 1


def test_the_same_form_sent_twice_has_one_draft(admin: Person, one_round_a_look: None) -> None:
    form = opened(admin)
    first, second = admin.post(DELETE, form), admin.post(DELETE, form)
    assert first["Location"] == second["Location"]
    assert ReceiptDraft.objects.count() == 1


def test_two_tabs_do_not_read_the_same_pages(admin: Person, platform: SandboxServer, one_round_a_look: None) -> None:
    url = admin.post(DELETE, opened(admin))["Location"]
    ReceiptDraft.objects.update(leased_until=2**40)
    platform.clear_requests()
    assert "1 of " in words(admin.get(url))
    paths = {entry["path"].rsplit("/", 1)[-1] for entry in platform.requests()}
    assert not paths & {"timeline", "logs", "tags", "metafield"}


def test_a_refusal_at_the_end_does_not_cost_what_was_collected(
    admin: Person, platform: SandboxServer, one_round_a_look: None
) -> None:
    ready = looked_at(admin, admin.post(DELETE, opened(admin))["Location"])
    platform.fault("/device", "status", method="DELETE", status=429, times=1)
    refused = admin.post(DELETE, last_form(ready))
    assert refused.status_code == 429
    assert AuditEntry.objects.get().outcomes.get().outcome == "rejected"
    done = admin.post(DELETE, filled(refused))
    assert done["Location"].startswith("/devices/?change=")
    assert Receipt.objects.count() == 1


def test_what_is_missing_is_told_on_the_page_of_progress_too(
    admin: Person, platform: SandboxServer, one_round_a_look: None
) -> None:
    form = opened(admin)
    platform.fault("/device/logs", "status", status=500)
    ready = looked_at(admin, admin.post(DELETE, form)["Location"])
    assert "Log of user actions: " in missing_parts_notice(ready)
    tried_again = admin.post(DELETE, last_form(ready))["Location"]
    assert writes(platform) == []
    ready = looked_at(admin, tried_again)
    assert "Log of user actions: " in missing_parts_notice(ready)
    assert admin.post(DELETE, last_form(ready) | {"without": "on"})["Location"].startswith("/devices/?change=")


def test_too_many_calls_are_waited_for_and_nothing_is_done_meanwhile(admin: Person, platform: SandboxServer) -> None:
    form = opened(admin)
    platform.fault("/device/tags", "status", status=429, retry_after=30, times=1)
    url = admin.post(DELETE, form)["Location"]
    platform.clear_requests()
    page = admin.get(url)
    assert page.status_code == 200
    why = "The platform asks us to wait: too many requests. Collecting continues at "
    assert re.search(re.escape(why) + r"\d\d:\d\d:\d\d", words(page))
    assert words(page).count("asks us to wait") == 1
    assert "Nothing has been deleted yet." in words(page)
    assert "Tags waiting" in words(page)
    assert soup(page).select_one("#cancel-receipt")
    assert not soup(page).select("form.confirm-last")
    piece = admin.htmx(url)
    assert words(piece).count("asks us to wait") == 1
    again = soup(piece).select_one("#receipt")
    assert again is not None
    assert re.fullmatch(r"load delay:(29|30)s", str(again["hx-trigger"])), "nobody asks before the wait is over"
    assert admin.post(DELETE, form | {"without": "on"}).status_code in {303, 429}
    assert platform.requests() == []
    transport.cache_clear()  # its cool-down goes by a clock that a test cannot move
    with time_machine.travel(time.time() + 31):
        ready = looked_at(admin, url)
        assert missing_parts_notice(ready) == ""
        assert admin.post(DELETE, last_form(ready))["Location"].startswith("/devices/?change=")
    assert json.loads(Receipt.objects.get().body)["complete"] is True


@pytest.mark.parametrize(("told", "waits"), [(None, 2), (0.0, 2), (7.0, 7), (9999.0, 60)])
def test_a_wait_is_never_none_and_never_for_ever(told: float | None, waits: float) -> None:
    progress = receipt_builder.ReceiptProgress("delete_device", 1, 1, {"tags": receipt_builder.ReceiptPart()})
    assert list(receipt_builder.merge_pages(progress, {("tags", 0): RateLimited(retry_after=told)})) == []
    assert waits - 1 < progress.wait <= waits
    assert not progress.finished
    gateway: Any = None
    assert receipt_builder.collect(gateway, progress, 60) == [], "nothing is asked"
