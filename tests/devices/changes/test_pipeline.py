"""What all changes to one device have in common: who may, what goes wrong, what is said and written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from devices.audit import log as audit_log
from devices.audit.log import REJECTED, entry_state
from devices.audit.models import AuditEntry
from devices.changes.models import DeviceLock
from devices.gateway.errors import Unreachable
from devices.gateway.transport import Transport
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import CHANGES, REVEAL, Change, held, lines, writes
from tests.devices.conftest import HTMX, Person, SignIn, soup, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")

each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.page)
each_page = pytest.mark.parametrize("change", [*CHANGES, REVEAL], ids=lambda change: change.page)


@each_page
def test_get_shows_a_form_and_changes_nothing(admin: Person, platform: SandboxServer, change: Change) -> None:
    page, fragment = admin.get(change.url), admin.htmx(change.url)
    assert page.status_code == fragment.status_code == 200
    assert soup(page).select_one("main form input[name=csrfmiddlewaretoken]") or change.page.startswith("transfer")
    assert soup(page).h1
    assert b"<html" not in fragment.content
    assert "HX-Request" in page["Vary"]
    assert admin.head(change.url).status_code == 200
    assert writes(platform) == []


@each_change
def test_the_change_is_sent_once_and_written_down_with_who_and_why(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    caplog.set_level("INFO")
    assert admin.post(change.url, change.data | {"reason": 'HC-20418 "flood"\nuser=7'}).status_code == 303
    assert writes(platform) == [change.wire]
    (line,) = lines(caplog)
    for part in (f"device={fleet.RICH}", "user=1", 'email="admin@example.com"', "request="):
        assert part in line
    assert 'outcome="confirmed"' in line
    assert r'reason="HC-20418 \"flood\"\nuser=7"' in line


@each_change
def test_by_htmx_the_same_is_done(admin: Person, platform: SandboxServer, change: Change) -> None:
    answer = admin.htmx(change.url, change.data)
    assert answer.status_code == 200
    assert "HX-Redirect" in answer or "deviceChanged" in answer["HX-Trigger"]
    assert writes(platform) == [change.wire]


@each_page
def test_signed_out_people_are_led_to_sign_in_and_back(platform: SandboxServer, change: Change) -> None:
    nobody = Client()
    for answer in (nobody.get(change.url, secure=True), nobody.post(change.url, change.data, secure=True)):
        assert answer.status_code == 302
        assert answer["Location"] == f"/sign-in/?{urlencode({'next': change.url})}"
    assert nobody.post(change.url, change.data, headers=HTMX, secure=True).status_code == 401
    assert writes(platform) == []


@each_page
def test_a_missing_permission_is_named_and_no_call_is_spent(
    sign_in: SignIn, platform: SandboxServer, change: Change
) -> None:
    stranger = sign_in(change.stranger)
    answers = [stranger.get(change.url), stranger.post(change.url, change.data), stranger.htmx(change.url, change.data)]
    for answer in answers:
        assert answer.status_code == 403
        assert change.permission in words(answer)
    assert platform.requests() == []


@each_change
def test_a_refusal_by_the_platform_names_the_permission_too(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    caplog.set_level("INFO")
    method, path = change.wire
    platform.fault(path, "status", method=method, status=403)
    answer = admin.post(change.url, change.data)
    assert answer.status_code == 403
    assert change.permission in words(answer)
    assert "Nothing was changed" in words(answer)
    assert 'outcome="rejected"' in lines(caplog)[0]


def test_a_change_for_which_the_page_has_no_time_left_is_not_sent_and_said_so(
    admin: Person, platform: SandboxServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(page=0.8)
    change = CHANGES[0]
    DeviceLock.objects.create(device_id=int(change.url.split("/")[2]), holder="somebody", until=2**40)
    answer = admin.htmx(change.url, change.data)
    assert "Another change of this device is under way. Nothing was changed." in words(answer)
    DeviceLock.objects.all().delete()

    def slowly(*told: Any, **more: Any) -> Any:
        time.sleep(0.8)
        return intend(*told, **more)

    intend = audit_log.record_intent
    monkeypatch.setattr(audit_log, "record_intent", slowly)
    answer = admin.htmx(change.url, change.data)
    assert answer.status_code == 504
    assert "ran out of time before the request could be sent. Nothing was sent." in words(answer)
    assert "Send the form again in a moment." in words(answer)
    assert writes(platform) == []
    assert entry_state(AuditEntry.objects.get()).outcome == REJECTED


def test_while_changes_rest_one_is_written_down_as_not_made(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    change = CHANGES[0]
    transport().breakers["write"].open(time.monotonic() + 60)
    answer = admin.htmx(change.url, change.data)
    assert answer.status_code == 503
    assert "was not asked now. Nothing was changed." in words(answer)
    assert writes(platform) == []
    (line,) = lines(caplog)
    assert 'outcome="rejected"' in line
    assert 'error="CircuitOpen"' in line


@each_change
def test_what_the_platform_rejects_comes_back_with_its_words_and_everything_typed(
    admin: Person, platform: SandboxServer, change: Change
) -> None:
    method, path = change.wire
    platform.fault(path, "status", method=method, status=400, message="<b>Not today</b>")
    for post in (admin.post, admin.htmx):
        answer = post(change.url, change.data | {"reason": "HC-99"})
        assert answer.status_code == 422
        assert "<b>Not today</b>" in words(answer)
        assert "The platform refused" in words(answer)
        assert soup(answer).select_one("input[name=reason]")["value"] == "HC-99"  # type: ignore[index]
        for name, value in change.data.items():
            if name != "reason":
                assert field_value(answer, name) == value


@each_change
@pytest.mark.parametrize(("wait", "said"), [(7, "Wait 7 seconds and send it again."), (None, "Wait a moment")])
def test_a_limit_keeps_everything_typed_and_says_how_long(
    admin: Person, platform: SandboxServer, change: Change, wait: int | None, said: str
) -> None:
    method, path = change.wire
    platform.fault(path, "status", method=method, status=429, retry_after=wait)
    for post in (admin.post, admin.htmx):
        answer = post(change.url, change.data | {"reason": "HC-99"})
        assert answer.status_code == 429
        assert answer.get("Retry-After") == (wait and str(wait))
        notice = soup(answer).select_one("[data-error-summary]")
        assert notice is not None
        assert said in notice.get_text()
        assert "Nothing was changed." in notice.get_text() or "Not triggered" in notice.get_text()
        for name, value in (change.data | {"reason": "HC-99"}).items():
            assert field_value(answer, name) == value
    assert set(writes(platform)) == {change.wire}


@each_change
def test_a_change_that_could_not_be_sent_keeps_everything_typed(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    send = Transport.send

    def cut_off(self: Transport, method: str, url: str, **more: Any) -> Any:
        if (method, url.partition("/organization")[2]) == change.wire:
            raise Unreachable(sent=False)
        return send(self, method, url, **more)

    monkeypatch.setattr(Transport, "send", cut_off)
    for post in (admin.post, admin.htmx):
        answer = post(change.url, change.data | {"reason": "HC-99"})
        assert answer.status_code == 503
        assert "cannot be reached. Nothing was changed. Send the form again in a moment." in words(answer)
        for name, value in (change.data | {"reason": "HC-99"}).items():
            assert field_value(answer, name) == value
    assert writes(platform) == []


def field_value(answer: Any, name: str) -> str:
    """What the form would send again under this name."""
    element = soup(answer).select_one(f"input[name={name}], select[name={name}] option[selected]")
    assert element is not None
    return str(element["value"])


@each_change
def test_a_lost_answer_is_read_back_and_nothing_is_sent_twice(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    caplog.set_level("INFO")
    method, path = change.wire
    platform.fault(path, "drop", method=method, apply=True)
    told = change.page != "trigger-event"  # an event of that code may be anybody's
    assert admin.post(change.url, change.data).status_code == (303 if told else 503)
    assert writes(platform) == [change.wire]
    assert f'outcome="{"confirmed" if told else "unknown so far"}"' in lines(caplog)[0]


@pytest.mark.parametrize(
    "change",
    [change for change in CHANGES if change.page not in ("rename", "trigger-event")],
    ids=lambda change: change.page,
)
def test_where_reading_the_device_fails_nothing_was_changed(
    admin: Person, platform: SandboxServer, change: Change
) -> None:
    platform.fault("/device/baseInfo", "status", status=500)
    answer = admin.post(change.url, change.data)
    assert answer.status_code == 502
    assert "Nothing was changed." in words(answer)
    assert writes(platform) == []


@each_page
def test_the_platform_down_changes_nothing_and_says_so(
    admin: Person, platform_down: Callable[[], Any], change: Change
) -> None:
    with platform_down():
        for answer in (admin.get(change.url), admin.post(change.url, change.data), admin.htmx(change.url, change.data)):
            assert answer.status_code == 503
            assert "Nothing was changed." in words(answer)


@each_page
def test_a_device_that_is_gone_or_out_of_reach_is_told(admin: Person, change: Change) -> None:
    for device in (fleet.NOBODY, fleet.OUT_OF_REACH):
        url = f"/devices/{device}/{change.page}/"
        answers = [admin.get(url)]
        if change.page != "delete":  # where gone is what was wanted
            answers += [admin.post(url, change.data), admin.htmx(url, change.data)]
        for answer in answers:
            assert answer.status_code == 404
            assert "gone, or outside your reach" in words(answer)


@each_page
def test_other_methods_are_refused(admin: Person, change: Change) -> None:
    for answer in (admin.put(change.url), admin.delete(change.url), admin.patch(change.url)):
        assert answer.status_code == 405
        assert "POST" in answer["Allow"]


@each_page
@pytest.mark.parametrize("size", [200, 201])
def test_a_reason_has_a_limit_and_a_longer_one_comes_back_whole(
    admin: Person, platform: SandboxServer, change: Change, size: int
) -> None:
    reason = "ö" * size
    answer = admin.post(change.url, change.data | {"reason": reason})
    if size == 200:
        assert answer.status_code in (200, 303)
        return
    assert answer.status_code == 422
    assert "Shorten this to 200 characters. It has 201." in words(answer)
    assert soup(answer).select_one("input[name=reason]")["value"] == reason  # type: ignore[index]
    assert writes(platform) == []


@each_page
def test_no_page_and_no_log_has_the_devices_token(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    caplog.set_level("DEBUG")
    token = str(held(platform)["token"])
    assert token.encode() not in admin.get(change.url).content
    assert token.encode() not in admin.htmx(change.url).content
    admin.post(change.url, change.data)
    assert token not in caplog.text


@pytest.mark.parametrize("page", ["", "rename/", "timeline/", "delete/", "transfer-to-owner/", "remove-owner/"])
def test_a_name_of_blanks_can_be_seen(admin: Person, platform: SandboxServer, page: str) -> None:
    for path in ("/device", "/device/baseInfo"):
        known = platform.get(path, "admin", deviceId=fleet.RICH).json()
        platform.fault(path, "json", body=known | {"name": " \N{NO-BREAK SPACE} "})
    shown = admin.get(f"/devices/{fleet.RICH}/{page}")
    assert shown.status_code == 200
    assert "(no name)" in soup(shown).h1.get_text()  # type: ignore[union-attr]
    assert "(no name)" in soup(shown).title.get_text()  # type: ignore[union-attr]
    assert "(no name)" in words(admin.htmx(f"/devices/{fleet.RICH}/{page}")) or page in ("", "timeline/")
