"""Receipts: what they contain, and what is reported as missing."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from typing import Any

import pytest
from django.db import Error, transaction

from devices.audit.models import AuditEntry
from devices.core import permissions
from devices.core.permissions import Access
from devices.gateway.errors import GatewayError, NotFound
from devices.gateway.pagination import Page
from devices.gateway.required_permissions import PermissionRule
from devices.gateway.resilience.policy import Priority
from devices.gateway.types import BaseInfo, DeviceDetails, LogEntry, TimelineEvent
from devices.receipts import builder as receipt_builder
from devices.receipts.models import Receipt
from tests.devices import fleet
from tests.devices.changes.forms import NAME, filled, held, writes
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

DELETE, CLEAR = f"/devices/{fleet.RICH}/delete/", f"/devices/{fleet.RICH}/clear/"
SURE = {"confirm": NAME, "reason": "HC-20418"}

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """640 timeline events are seven pages, 160 log entries two."""
    monkeypatch.setattr(receipt_builder, "PAGE_SIZE", 100)


def opened(person: Person, url: str = DELETE) -> dict[str, str]:
    form = filled(person.get(url)) | SURE
    form.pop("without", None)
    return form


def stored_receipt() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Receipt.objects.get().body)
    return body


def missing_parts_notice(answer: Any) -> str:
    notice = soup(answer).select_one("form .notice.caution, #receipt .notice.caution")
    return " ".join(notice.get_text(" ").split()) if notice else ""


# --- contents -------------------------------------------------------------------------------------------------------


def test_it_contains_all_parts_and_pages(admin: Person, platform: SandboxServer, small_pages: None) -> None:
    device = {"deviceId": fleet.RICH}
    events = platform.get("/device/timeline", size=1000, **device).json()["content"]
    logs = platform.get("/device/logs", size=1000, **device).json()["content"]
    info, tags = held(platform), platform.get("/device/tags", **device).json()
    values = platform.get("/device", **device).json()["dataStreamValues"]
    fields = platform.get("/device/metafield", **device).json()
    assert admin.post(DELETE, opened(admin)).status_code == 303
    body = stored_receipt()
    assert body["complete"] is True
    assert [event["id"] for event in body["timeline"]] == [event["id"] for event in events]
    assert len(body["timeline"]) == 640
    assert [(entry["createdAt"], entry["value"]) for entry in body["logs"]] == [
        (entry["createdAt"], entry["value"]) for entry in logs
    ]
    assert [tag["id"] for tag in body["tags"]] == [tag["id"] for tag in tags]
    assert [field["name"] for field in body["metafields"]] == [field["name"] for field in fields]
    assert [value["value"] for value in body["details"]["dataStreamValues"]] == [value["value"] for value in values]
    for member in ("id", "name", "orgId", "ownerUserId", "templateId", "activatedAt"):
        assert body["base_info"][member] == info[member]
    assert body["parts"]["timeline"] == {"pages": 7, "entries": 640, "entries_on_platform": 640}


def test_it_names_its_format_and_the_person_by_id_only(admin: Person) -> None:
    admin.post(CLEAR, opened(admin, CLEAR))
    body = stored_receipt()
    assert (body["format"], body["version"]) == ("device-portal-receipt", 1)
    assert (body["before"], body["device_id"], body["made_by"]) == ("clear_device", fleet.RICH, {"user_id": 1})
    assert body["made_at"].endswith("Z")
    text = Receipt.objects.get().body
    for personal in ("admin@example.com", "HC-20418"):
        assert personal not in text


def test_it_contains_no_secrets(admin: Person, platform: SandboxServer) -> None:
    url = f"/devices/{fleet.BENCH}/delete/"
    token = str(held(platform, fleet.BENCH)["token"])
    fields = platform.get("/device/metafield", deviceId=fleet.BENCH).json()
    (key,) = [field["value"]["value"] for field in fields if "ApplicationKey" in str(field["value"])]
    form = opened(admin, url)
    word = soup(admin.get(url)).select_one("#id_confirm-hint b")
    assert word is not None
    assert admin.post(url, form | {"confirm": word.get_text()}).status_code == 303
    text = Receipt.objects.get().body
    assert token not in text
    assert key not in text
    hidden = [field for field in json.loads(text)["metafields"] if "left_out" in (field["value"] or {})]
    assert [field["value"] for field in hidden] == [{"type": "ApplicationKey", "left_out": "secret"}]


def test_the_download_matches_the_hash_shown(admin: Person, viewer: Person) -> None:
    answer = admin.post(DELETE, opened(admin))
    page = admin.get(answer["Location"])
    entry = AuditEntry.objects.get()
    shown = soup(page).select_one(".hash")
    assert shown is not None
    url = f"/audit/{entry.pk}/receipt.json"
    assert soup(page).select_one(f"a[href='{url}']")
    file = admin.get(url)
    assert hashlib.sha256(file.content).hexdigest() == shown.get_text() == entry.receipt_hash
    assert file["ETag"] == f'"{entry.receipt_hash}"'
    assert file["Content-Type"] == "application/json"
    assert file["Content-Disposition"].startswith('attachment; filename="receipt-device-1-')
    assert "no-store" in file["Cache-Control"]
    assert admin.get(url, headers={"If-None-Match": file["ETag"]}).status_code == 304
    assert viewer.get(url).status_code == 404
    assert entry.receipt_hash in words(admin.get(f"/audit/{entry.pk}/"))


def test_it_cannot_be_changed_afterwards(admin: Person, settings: Any) -> None:
    settings.AUDIT_KEEP_DAYS = 1
    admin.post(CLEAR, opened(admin, CLEAR))
    for attempt in (lambda: Receipt.objects.update(body="{}"), lambda: Receipt.objects.all().delete()):
        with pytest.raises(Error, match="cannot be changed"), transaction.atomic():
            attempt()
    row = Receipt.objects.get()
    assert hashlib.sha256(row.body.encode()).hexdigest() == row.sha256


# --- missing parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "part", "status"),
    [
        ("/device", "Current values", 500),
        ("/device/metafield", "Metafields", 403),
        ("/device/tags", "Tags", 500),
        ("/device/timeline", "Timeline", 403),
        ("/device/logs", "Log of user actions", 500),
    ],
)
def test_a_missing_part_is_named_and_must_be_accepted_first(
    admin: Person, platform: SandboxServer, path: str, part: str, status: int
) -> None:
    form = opened(admin)
    platform.fault(path, "status", status=status, method="GET")
    answer = admin.post(DELETE, form)
    assert answer.status_code == 422
    assert f"{part}: " in missing_parts_notice(answer)
    assert writes(platform) == []
    assert not AuditEntry.objects.exists()
    again = filled(answer)
    assert again | SURE == again
    assert admin.post(DELETE, again | {"without": "on"}).status_code == 303
    body, entry = stored_receipt(), AuditEntry.objects.get()
    assert body["complete"] is False
    assert Receipt.objects.get(sha256=entry.receipt_hash).complete is False
    (name,) = [name for name, about in body["parts"].items() if "missing" in about]
    assert body[name] is None


def test_submitting_again_retries_what_failed(admin: Person, platform: SandboxServer) -> None:
    form = opened(admin)
    platform.fault("/device/tags", "status", status=500)
    answer = admin.post(DELETE, form)
    assert "Tags: the platform’s reply could not be used." in missing_parts_notice(answer)
    platform.clear_faults()
    platform.clear_requests()
    assert admin.post(DELETE, {**filled(answer), "without": ""}).status_code == 303
    assert stored_receipt()["complete"] is True
    reads = [entry["path"].rsplit("/", 1)[-1] for entry in platform.requests() if entry["method"] == "GET"]
    assert "logs" not in reads  # pages already read stay


def test_accepting_one_missing_part_does_not_accept_another(admin: Person, platform: SandboxServer) -> None:
    form = opened(admin)
    platform.fault("/device/tags", "status", status=500)
    answer = admin.post(DELETE, form | {"without": "on", "told": "logs"})
    assert answer.status_code == 422
    assert "Tags" in missing_parts_notice(answer)
    assert "without" not in {field["name"] for field in soup(answer).select("main form input[checked]")}
    assert writes(platform) == []


def test_a_missing_permission_is_named_before_the_first_submission(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(permissions.RULES, "list_timeline", PermissionRule(("ONE_THAT_NOBODY_HAS",), visible=True))
    page = admin.get(CLEAR)
    assert "Timeline: you may not read it. Your role lacks ONE_THAT_NOBODY_HAS." in missing_parts_notice(page)
    assert admin.post(CLEAR, filled(page) | SURE | {"without": ""}).status_code == 422
    assert writes(platform) == []
    answer = admin.post(CLEAR, filled(page) | SURE | {"without": "on"})
    assert answer.status_code == 303
    assert stored_receipt()["parts"]["timeline"] == {
        "pages": 0,
        "entries": 0,
        "missing": "permission",
        "needs": ["ONE_THAT_NOBODY_HAS"],
    }


def test_too_many_entries_are_announced_and_the_newest_collected(
    admin: Person, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    monkeypatch.setattr(receipt_builder, "MAX_PAGES", 2)
    page = admin.get(DELETE)
    assert "Timeline: only the newest 200 of 640 entries" in missing_parts_notice(page)
    form = filled(page) | SURE
    form["without"] = "on"
    assert admin.post(DELETE, form).status_code == 303  # accepted in advance: one submission
    body = stored_receipt()
    assert (len(body["timeline"]), len(body["logs"]), body["complete"]) == (200, 160, False)
    assert body["parts"]["timeline"]["missing"] == "too_many"


@pytest.mark.parametrize(
    ("bound", "value", "content"),
    [("MAX_BYTES", 30_000, "the receipt would be too large"), ("MAX_SECONDS", -1.0, "reading it took too long")],
)
def test_size_and_time_limits_are_reported(
    admin: Person, monkeypatch: pytest.MonkeyPatch, small_pages: None, bound: str, value: float, content: str
) -> None:
    monkeypatch.setattr(receipt_builder, bound, value)
    answer = admin.post(DELETE, opened(admin))
    assert answer.status_code == 422
    assert content in missing_parts_notice(answer)
    assert admin.post(DELETE, filled(answer) | {"without": "on"}).status_code == 303
    assert len(Receipt.objects.get().body) < 40_000


def test_a_slow_platform_is_reported_as_no_reply(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = opened(admin)
    monkeypatch.setattr(receipt_builder, "ROUND_TIMEOUT", 0.4)
    platform.fault("/device/logs", "delay", delay=1.0)
    answer = admin.post(DELETE, form)
    assert "Log of user actions: the platform did not answer." in missing_parts_notice(answer)
    assert writes(platform) == []


def test_a_list_that_became_shorter_is_not_complete() -> None:
    part = receipt_builder.ReceiptPart(pages=1, items=100, total=640)
    receipt_builder.add_page("timeline", part, receipt_builder.PartPage("", 100, 300, more=True))
    assert part.reason == receipt_builder.CHANGED


def test_a_device_deleted_meanwhile_is_reported_as_gone(admin: Person, platform: SandboxServer) -> None:
    form = opened(admin)
    platform.fault("/device/tags", "status", status=404)
    answer = admin.post(DELETE, form)
    assert answer.status_code == 303
    platform.clear_faults()
    assert "Device 1 no longer exists" in words(admin.get(answer["Location"]))
    assert AuditEntry.objects.get().outcomes.get().outcome == "rejected"
    assert writes(platform) == []


# --- large devices ----------------------------------------------------------------------------------------------------


class Endless:
    """A device whose lists never end, with long descriptions."""

    def __init__(self) -> None:
        self.requested = 0

    def fresh(self) -> Endless:
        return self

    def within(self, seconds: float) -> Endless:
        return self

    def with_priority(self, priority: Priority) -> Endless:
        return self

    def for_threads(self) -> Endless:
        return self

    def get_device(self, device_id: int) -> DeviceDetails:
        return DeviceDetails(id=device_id, name="x", template_id=1, org_id=1)

    def list_metafields(self, device_id: int) -> tuple[Any, ...]:
        return ()

    def list_tags(self, device_id: int) -> tuple[Any, ...]:
        return ()

    def list_timeline(self, device_id: int, *, page: int, size: int) -> Page[TimelineEvent]:
        self.requested += 1
        rows = (TimelineEvent(ts=n, id=n, description="d" * 150) for n in range(page * size, (page + 1) * size))
        return Page(tuple(rows), page, size, 10_000_000)

    def list_logs(self, device_id: int, *, page: int, size: int) -> Page[LogEntry]:
        self.requested += 1
        return Page(tuple(LogEntry(created_at=n, value="v" * 20) for n in range(size)), page, size)


def test_calls_and_memory_are_bounded_for_a_huge_device() -> None:
    access = Access(1, "a@example.org", "A", "R", frozenset({"ORG_DEVICES_VIEW"} | ALL_RIGHTS), 1, "Org", "UTC")
    gateway = Endless()
    tracemalloc.start()
    progress, chunks = receipt_builder.start(access, "delete_device", BaseInfo(id=1, name="x", template_id=1, org_id=1))
    chunks += receipt_builder.collect(gateway, progress, 60)  # type: ignore[arg-type]
    text = receipt_builder.build_document(progress, chunks)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert progress.finished
    assert gateway.requested <= 2 * receipt_builder.MAX_PAGES + 2 * receipt_builder.CONCURRENCY
    assert len(text) < receipt_builder.MAX_BYTES + 10_000
    assert peak < 5 * receipt_builder.MAX_BYTES
    body = json.loads(text)
    assert [event["id"] for event in body["timeline"]] == list(range(len(body["timeline"])))
    assert set(progress.missing) == {"timeline", "logs"}


ALL_RIGHTS = frozenset({"VIEW_TIMELINE", "ORG_DEVICE_VIEW_ACTION_LOG", "VIEW_OWN_ORG_TAG"})


def test_pages_after_a_failed_one_are_read_again() -> None:
    progress = receipt_builder.ReceiptProgress(
        "delete_device", 1, 1, {"timeline": receipt_builder.ReceiptPart(pages=1, items=2, total=8)}
    )
    found: dict[tuple[str, int], Any] = {
        ("timeline", 1): GatewayError(),
        ("timeline", 2): receipt_builder.PartPage('{"ts":5}', 1, 8, more=True),
    }
    assert list(receipt_builder.merge_pages(progress, found)) == []
    assert progress.parts["timeline"].pages == 1
    found[("timeline", 1)] = receipt_builder.PartPage('{"ts":6}', 1, 8, more=True)
    assert [chunk.text for chunk in receipt_builder.merge_pages(progress, found)] == ['{"ts":6}', '{"ts":5}']
    with pytest.raises(NotFound):
        list(receipt_builder.merge_pages(progress, {("timeline", 3): NotFound()}))
