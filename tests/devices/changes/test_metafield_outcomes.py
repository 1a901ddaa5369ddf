"""What becomes of a metafield's new value: taken, taken otherwise, refused, lost; and what the page says of each."""

from __future__ import annotations

from typing import Any

import pytest

from devices.audit.models import AuditEntry
from devices.gateway.client import Gateway
from devices.gateway.errors import Unreachable
from devices.metafields import readback
from tests.devices.changes.forms import writes
from tests.devices.changes.metafields import PANEL, address, held, ids
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def test_a_refusal_by_the_api_stands_beside_the_field_with_what_was_typed(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Shelf")
    message = "The provided value for metafield is invalid."
    platform.fault("/device/metafield", "status", status=400, message=message, method="POST")
    answer = support.htmx(here, {"value": "C-1"})
    assert answer.status_code == 422
    assert soup(answer).select_one("input[name=value]")["value"] == "C-1"  # type: ignore[index]
    assert "The platform refused this value for a field of this type." in words(answer)


def test_a_save_that_cannot_be_read_back_is_accepted_and_not_confirmed(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Shelf")
    for post, value in ((support.post, "D-4"), (support.htmx, "D-5")):
        platform.fault("/device/metafield", "status", status=500, method="GET", skip=1)
        answer = post(here, {"value": value})
        platform.clear_faults()
        assert answer.status_code == 202
        assert "Accepted, but not confirmed" in words(answer)
        assert "could not be read back" in words(answer)
        assert not soup(answer).select("main form[method=post], tr form, [name=value], tr .good")
        assert held(platform, "Shelf")["value"] == value
        look = soup(answer).find("a", string="Check again") or soup(answer).select_one("a.button")
        assert "Confirmed" in words(support.get(str(look["href"])))  # type: ignore[index]


def test_a_save_that_reads_back_otherwise_is_not_called_saved(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    platform.fault("/device/metafield", "empty", status=204, method="POST")
    row = support.htmx(here, {"value": "B-7"})
    assert row.status_code == 202
    assert soup(row).select_one(f"tr#metafield-{ids(platform)['Shelf']}")
    assert "it held: A-12" in words(row)
    assert "A-12 → B-7" in words(row)
    assert "saved" not in words(row)
    assert not soup(row).select(".word.good, form")
    assert "Accepted, but not confirmed" in str(soup(row).select_one("tr")["data-announce"])  # type: ignore[index]
    page = support.post(here, {"value": "B-7"})
    assert page.status_code == 202
    assert "it held: A-12" in words(page)
    secret = support.htmx(address(platform, "Application key"), {"value": "ab" * 16})
    assert "does not read back so" in words(secret)
    for key in ("00112233", "abab"):
        assert key not in secret.content.decode()


def test_the_same_number_written_otherwise_is_saved(support: Person, platform: SandboxServer) -> None:
    row = support.htmx(address(platform, "Output"), {"value": "+20.50"})
    assert "Output saved" in words(row)
    assert held(platform, "Output")["value"] == 20.5


def test_a_short_imei_is_taken_and_warned_of(support: Person, platform: SandboxServer) -> None:
    row = support.htmx(address(platform, "IMEI"), {"value": "3569380356"})
    assert "IMEI saved" in words(row)
    assert "normally has 15 digits. This has 10." in words(row)
    assert "normally has 15 digits" in words(support.get(PANEL))


@pytest.mark.parametrize(
    ("status", "more", "sentence"),
    [
        (429, {"retry_after": 7}, "Wait 7 seconds"),
        (429, {}, "a minute is usually enough"),
        (403, {}, "You may not do this. Nothing was changed."),
        (404, {}, "Nothing was changed."),
    ],
)
def test_what_the_platform_did_not_do_keeps_the_form(
    support: Person, platform: SandboxServer, status: int, more: dict[str, Any], sentence: str
) -> None:
    here = address(platform, "Shelf")
    platform.fault("/device/metafield", "status", status=status, method="POST", **more)
    for post in (support.post, support.htmx):
        answer = post(here, {"value": "C-9"})
        assert answer.status_code == status
        assert answer.get("Retry-After") == (str(more["retry_after"]) if more else None)
        page = soup(answer)
        assert page.select_one("form [name=value]")["value"] == "C-9"  # type: ignore[index]
        assert sentence in page.select_one(".field .error").get_text()  # type: ignore[union-attr]


def test_a_field_that_cannot_be_read_before_the_change_leaves_the_editor_as_it_is(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Shelf")
    editor = soup(support.htmx(here))
    platform.clear_requests()
    for status, seen in ((503, 502), (429, 429)):
        platform.fault("/device/metafield", "status", status=status, method="GET", retry_after=0)
        answer = support.htmx(here, {"value": "C-9"})
        platform.clear_faults()
        assert answer.status_code == seen
        assert editor.select_one(f"form {answer['HX-Retarget']}")
        assert answer["HX-Reswap"] == "innerHTML"
        assert "Nothing was changed." in words(answer)
    assert not [call for call in writes(platform) if call[0] == "POST"]


def test_a_change_that_cannot_have_left_the_portal_keeps_the_form(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = address(platform, "Shelf")

    def unreachable(*_: object) -> None:
        raise Unreachable(operation="set_metafield", sent=False)

    monkeypatch.setattr(Gateway, "set_metafield", unreachable)
    answer = support.htmx(here, {"value": "C-9"})
    assert answer.status_code == 503
    assert soup(answer).select_one("form [name=value]")["value"] == "C-9"  # type: ignore[index]
    assert "Nothing was changed. Send the form again in a moment." in words(answer)


def test_a_value_that_it_has_already_is_neither_sent_nor_written_down(support: Person, platform: SandboxServer) -> None:
    for name, value in (("Shelf", " A-12 "), ("Output", f"{float(held(platform, 'Output')['value']):.3f}")):
        here = address(platform, name)
        row = support.htmx(here, {"value": value, "expected_version": "of another value"})
        assert row.status_code == 200
        assert "That is its value already. Nothing was sent." in words(row)
        assert not soup(row).select("form, .good")
        page = support.post(here, {"value": value})
        assert (page.status_code, page["Location"]) == (303, PANEL)
        assert "That is its value already. Nothing was sent." in words(support.get(PANEL))
    assert writes(platform) == []
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("known", "held", "sent", "same"),
    [
        ("text", " a ", "a", False),
        ("text", "a", "a", True),
        ("number", "1.0", "1", True),
        ("email", "A@b", "a@b", False),
    ],
)
def test_only_what_would_stay_to_the_last_character_is_not_sent(known: str, held: str, sent: str, same: bool) -> None:
    assert readback.unchanged(known, {"value": held}, sent) is same
