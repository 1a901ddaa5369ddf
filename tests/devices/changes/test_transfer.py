"""To another owner: who is found, from and to before anything is sent, and what reads back."""

from __future__ import annotations

import pytest

from devices.core.permissions import Access
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import ANA, JONAS, KARI, KARI_ORG, end, filled, held, writes
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

OWNER = f"/devices/{fleet.RICH}/transfer-to-owner/"
INSTALLERS = 10
"""Owned by installer@example.com, who sees only what they own."""

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


@pytest.mark.parametrize(
    "typed", ["jonas.aas@example.org", "Jonas.AAS@Example.org", " jonas.aas@example.org ", "12", "0012"]
)
def test_a_person_is_found_and_shown_beside_the_present_owner(
    support: Person, platform: SandboxServer, typed: str
) -> None:
    page = support.get(OWNER, {"owner": typed})
    assert page.status_code == 200
    assert "ana.lund@example.org" in end(page, "from")
    assert f"ID {ANA}" in end(page, "from")
    for part in ("Jonas Aas", "jonas.aas@example.org", f"ID {JONAS}", "Halden Cooling"):
        assert part in end(page, "to")
    assert soup(page).select_one("form[method=post] input[name=owner]")["value"] == str(JONAS)  # type: ignore[index]
    assert writes(platform) == []
    fragment = support.htmx(f"{OWNER}?owner={typed.strip()}")
    assert b"<html" not in fragment.content
    assert "Jonas Aas" in end(fragment, "to")


def test_an_address_is_the_same_in_any_case_also_without_devices_to_tell(support: Person) -> None:
    assert f"ID {KARI}" in end(support.get(OWNER, {"owner": "Kari.MOEN@Example.org"}), "to")


def test_what_was_shown_is_what_the_second_step_does(support: Person, platform: SandboxServer) -> None:
    page = support.get(OWNER, {"owner": "jonas.aas@example.org"})
    sent = filled(page)
    assert (sent["owner"], sent["reason"]) == (str(JONAS), "")
    assert sent["idempotency_key"]
    assert sent["expected_version"]
    action = soup(page).select_one("main form[method=post]")["action"]  # type: ignore[index]
    answer = support.post(str(action), sent)
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"/devices/{fleet.RICH}/?change=")
    said = words(support.get(answer["Location"]))
    assert "Transferred to jonas.aas@example.org. Read back at " in said
    assert "ana.lund@example.org → jonas.aas@example.org" in said
    assert "Now: owner jonas.aas@example.org, organization Halden Cooling." in said
    assert held(platform)["ownerUserId"] == JONAS


def test_an_owner_elsewhere_takes_the_device_along_and_this_is_said_before_and_after(
    support: Person, platform: SandboxServer
) -> None:
    page = support.get(OWNER, {"owner": str(KARI)})
    assert "Kari Moen belongs to Halden North: the device may move there from Halden Cooling." in words(page)
    answer = support.post(OWNER, {"owner": str(KARI)})
    assert "organization Halden North." in words(support.get(answer["Location"]))
    assert held(platform)["orgId"] == KARI_ORG


@pytest.mark.parametrize("typed", ["me", "ME", "support@example.com", "2"])
def test_oneself_needs_no_look_up(support: Person, platform: SandboxServer, typed: str) -> None:
    assert "Sam Okafor" in end(support.get(OWNER, {"owner": typed}), "to")
    asked = {entry["path"].rsplit("/organization", 1)[-1] for entry in platform.requests()}
    assert not asked & {"/search/users", "/user"}
    assert support.post(OWNER, {"owner": typed}).status_code == 303
    assert held(platform)["ownerUserId"] == 2


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter an e-mail or a user ID."),
        ("   ", "Enter an e-mail or a user ID."),
        ("Jonas", "Enter a whole e-mail"),
        ("jonas@", "Enter a whole e-mail"),
        ("-12", "Enter a whole e-mail"),
        ("1.5", "Enter a whole e-mail"),
        ("<script>alert(1)</script>", "Enter a whole e-mail"),
        ("0", "No user has that ID"),
        ("9223372036854775808", "No user has that ID"),
        ("9" * 5000, "No user has that ID"),
        ("9223372036854775807", "There is no user 9223372036854775807 within your reach."),
        ("46", "There is no user 46 within your reach."),
        ("nobody@example.org", "No user with the e-mail nobody@example.org was found."),
        ("aas@example.org", "No user with the e-mail aas@example.org was found."),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.org", "An e-mail has at most 255 characters."),
        ("pending@example.com", "Petra Sund has not accepted the invitation yet"),
        ("9", "Petra Sund has not accepted the invitation yet"),
        ("suspended@example.com", "Stig Moe is suspended: an administrator has to lift that first."),
        ("ana.lund@example.org", "Ana Lund is the owner already: there is nothing to do."),
        ("11", "Ana Lund is the owner already: there is nothing to do."),
    ],
)
def test_whoever_cannot_become_the_owner_is_told_beside_the_field(
    support: Person, platform: SandboxServer, typed: str, sentence: str
) -> None:
    for answer in (support.get(OWNER, {"owner": typed}), support.post(OWNER, {"owner": typed})):
        assert answer.status_code == 422
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert sentence in error.get_text()
        assert soup(answer).select_one("input[name=owner]").get("value", "") == typed  # type: ignore[union-attr]
    assert writes(platform) == []


def test_an_inactive_person_can_own_devices(support: Person, platform: SandboxServer) -> None:
    assert support.post(OWNER, {"owner": "tomasz.wolski@example.org"}).status_code == 303
    assert held(platform)["ownerUserId"] == 18


def test_an_id_of_64_bits_arrives_whole(support: Person, platform: SandboxServer) -> None:
    assert support.post(OWNER, {"owner": "4294967301"}).status_code == 303
    assert held(platform)["ownerUserId"] == 4_294_967_301


def test_without_a_users_search_one_of_their_devices_tells_the_id(support: Person, platform: SandboxServer) -> None:
    platform.fault("/search/users", "status", status=404)
    platform.fault("/user", "html", status=200)
    page = support.get(f"/devices/{fleet.NO_OWNER}/transfer-to-owner/", {"owner": "ana.lund@example.org"})
    assert page.status_code == 200
    assert f"ID {ANA}" in end(page, "to")
    assert "No user" not in words(page)
    lost = support.get(OWNER, {"owner": "nobody@example.org"})
    assert lost.status_code == 422
    assert "Their user ID would do as well." in words(lost)


def test_an_id_that_cannot_be_read_counts_as_typed(support: Person, platform: SandboxServer) -> None:
    platform.fault("/user", "status", status=403)
    page = support.get(OWNER, {"owner": "12"})
    assert "User 12" in end(page, "to")
    assert "could not read who this is" in words(page)
    assert support.post(OWNER, {"owner": "12"}).status_code == 303
    assert held(platform)["ownerUserId"] == JONAS


def test_whom_the_platform_does_not_know_after_all_is_told_beside_the_new_owner(
    support: Person, platform: SandboxServer
) -> None:
    platform.fault("/user", "status", status=403)
    answer = support.post(OWNER, {"owner": "999", "reason": "HC-7"})
    assert answer.status_code == 422
    assert "The platform does not find this user." in end(answer, "to")
    assert soup(answer).select_one("input[name=reason]")["value"] == "HC-7"  # type: ignore[index]
    assert soup(answer).select_one(f"#id_owner[aria-labelledby=to], a[href='{OWNER}']")


def test_an_owner_changed_meanwhile_stops_the_transfer(support: Person, platform: SandboxServer) -> None:
    sent = filled(support.get(OWNER, {"owner": str(JONAS)})) | {"reason": "HC-7"}
    body = {"deviceId": fleet.RICH, "newOwnerUserId": 13}
    platform.call("POST", "/device/transfer/to-owner", json=body)
    platform.clear_requests()
    answer = support.post(OWNER, sent)
    assert answer.status_code == 409
    told = words(answer)
    assert "it is “mei.tan@example.org” now. You entered “Jonas Aas”." in told
    assert "mei.tan@example.org" in end(answer, "from")
    assert "Jonas Aas" in end(answer, "to")
    assert writes(platform) == []
    again = filled(answer)
    assert again["reason"] == "HC-7"
    assert support.post(OWNER, again).status_code == 303
    assert held(platform)["ownerUserId"] == JONAS


@pytest.mark.parametrize("path", ["/search/users", "/user"])
def test_a_limit_at_the_look_up_keeps_what_was_chosen_and_typed(
    support: Person, platform: SandboxServer, path: str
) -> None:
    platform.fault(path, "status", status=429, retry_after=17)
    typed = "jonas.aas@example.org" if path == "/search/users" else str(JONAS)
    first = support.get(OWNER, {"owner": typed})
    transport.cache_clear()  # the wait that began would refuse what comes before the look-up, too
    second = support.post(OWNER, {"owner": str(JONAS), "reason": "HC-7"}) if path == "/user" else first
    for answer in (first, second):
        assert answer.status_code == 429
        assert answer["Retry-After"] == "17"
        assert "Wait 17 seconds and send it again." in words(answer)
    assert soup(first).select_one("form[method=get] input[name=owner]")["value"] == typed  # type: ignore[index]
    if path == "/user":
        assert soup(second).select_one("form[method=post] input[name=owner]")["value"] == str(JONAS)  # type: ignore[index]
        assert soup(second).select_one("input[name=reason]")["value"] == "HC-7"  # type: ignore[index]
    assert writes(platform) == []


def test_who_may_not_look_users_up_can_take_a_device_and_nothing_else(sign_in: SignIn, platform: SandboxServer) -> None:
    installer = sign_in("installer")
    url = f"/devices/{INSTALLERS}/transfer-to-owner/"
    for answer in (installer.get(url), installer.get(url, {"owner": "12"}), installer.post(url, {"owner": "12"})):
        assert answer.status_code == 403
        assert "ORG_VIEW_USERS" in words(answer)
        assert "its new owner would be somebody else" in words(answer)
        assert "You are not this device's owner" not in words(answer)
    assert writes(platform) == []


def test_who_sees_all_devices_but_no_users_can_take_one_and_give_it_to_nobody_else(
    platform: SandboxServer, support: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Access.has
    monkeypatch.setattr(Access, "has", lambda self, *names: "ORG_VIEW_USERS" not in names and kept(self, *names))
    assert "To transfer it to anybody but yourself, your role needs ORG_VIEW_USERS" in words(support.get(OWNER))
    assert "To yourself only" in words(support.get(f"/devices/{fleet.RICH}/"))
    for typed, sentence in (("12", "The new owner is not you."), ("jonas.aas@example.org", "only yourself")):
        for answer in (support.get(OWNER, {"owner": typed}), support.post(OWNER, {"owner": typed})):
            assert answer.status_code == 422
            error = soup(answer).select_one(".field .error")
            assert error is not None
            assert sentence in error.get_text()
            assert "ORG_VIEW_USERS" in error.get_text()
    assert writes(platform) == []
    assert support.post(OWNER, {"owner": "me"}).status_code == 303


@pytest.mark.parametrize("status", [404, 403])
def test_a_device_that_left_ones_view_leads_to_the_list(support: Person, platform: SandboxServer, status: int) -> None:
    platform.fault("/device/baseInfo", "status", status=status, skip=1)
    answer = support.post(OWNER, {"owner": str(JONAS)})
    assert answer.status_code == 303
    assert answer["Location"].startswith("/devices/?change=")
    platform.clear_faults()
    shown = support.get(answer["Location"])
    assert "Transferred to jonas.aas@example.org. The platform accepted it. You can no longer see the device" in words(
        shown
    )
    assert "ana.lund@example.org → jonas.aas@example.org" in words(shown)
    assert soup(shown).select_one("main .notice a[href^='/audit/']")
    assert not soup(shown).select("main .notice form")


def test_a_transfer_that_cannot_be_read_back_is_not_called_unknown(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device/baseInfo", "status", status=500, skip=1)
    answer = support.post(OWNER, {"owner": str(JONAS)})
    platform.clear_faults()
    assert answer.status_code == 202
    assert "The platform accepted it, but it could not be read back." in words(answer)
    assert "not known" not in words(answer)
    assert held(platform)["ownerUserId"] == JONAS
    look = soup(answer).select_one("main a.primary")
    assert look is not None
    assert "Confirmed" in words(support.get(str(look["href"])))


def test_a_transfer_that_reads_otherwise_is_no_success(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device/transfer/to-owner", "empty", status=204)
    answer = support.post(OWNER, {"owner": str(JONAS)})
    assert answer.status_code == 202
    assert "accepted it, but it does not read back so. At " in words(answer)
    assert "it held: ana.lund@example.org." in words(answer)
    assert not soup(answer).select("main form[method=post]")


def test_a_device_without_owner_can_be_given_to_somebody(support: Person, platform: SandboxServer) -> None:
    url = f"/devices/{fleet.NO_OWNER}/transfer-to-owner/"
    assert "No owner" in end(support.get(url, {"owner": "12"}), "from")
    assert support.post(url, filled(support.get(url, {"owner": "12"}))).status_code == 303
    assert held(platform, fleet.NO_OWNER)["ownerUserId"] == JONAS


def test_a_hostile_persons_name_is_text(support: Person) -> None:
    page = support.get(OWNER, {"owner": "hostile@example.org"})
    assert '<b onclick="x()">Bobby</b>' in end(page, "to")
    assert not soup(page).select("[onclick]")


def test_people_are_offered_while_typing_to_those_who_may_search_them(
    support: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = soup(support.get(OWNER)).select_one("input[name=owner]")
    assert field is not None
    assert field["hx-get"] == "/devices/pick/user/"
    kept = Access.has
    monkeypatch.setattr(Access, "has", lambda self, *names: "ORG_VIEW_USERS" not in names and kept(self, *names))
    plain = soup(support.get(OWNER)).select_one("input[name=owner]")
    assert plain is not None
    assert "hx-get" not in plain.attrs
