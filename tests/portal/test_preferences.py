"""What a person sets for themselves, and where it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.management import CommandError, call_command

from devices.core.preferences import COLUMNS, DEFAULTS, Preferences, read, written
from devices.lists.columns import COLUMN_WORDS
from devices.preferences import store as preference_store
from devices.preferences.models import Preference
from portal.auth.models import ApiGrant
from tests.portal.auth.sso.settings import Proxied, by_header
from tests.portal.conftest import Browser, words

SENT: dict[str, Any] = {
    "zone": "Asia/Kathmandu",
    "theme": "dark",
    "language": "de",
    "page_size": "100",
    "columns": ["organization", "id"],
}
"""As a browser sends it: an unticked box is not there."""


def frame(browser: Browser, path: str = "/devices/") -> Any:
    return BeautifulSoup(browser.get(path).content, "html.parser")


def test_what_is_chosen_holds_in_every_browser_of_this_person_and_of_nobody_else(
    signed_in: Callable[..., Browser],
) -> None:
    here, there, other = signed_in("admin"), signed_in("admin"), signed_in("support")

    answer = here.post("/preferences/", SENT)

    assert (answer.status_code, answer["Location"]) == (303, "/preferences/")
    kept = preference_store.load("user:1")
    assert kept == Preferences("Asia/Kathmandu", "dark", "de", False, ("id", "organization"), 100)
    for browser in (here, there):
        page = frame(browser)
        assert (page.html["lang"], page.html["data-theme"]) == ("de", "dark")
        assert "Asia/Kathmandu" in page.footer.text
        assert browser.get("/devices/").wsgi_request.preferences == kept
    strange = frame(other)
    assert strange.html["lang"] == "en"
    assert not strange.html.has_attr("data-theme")
    assert "Asia/Kathmandu" not in strange.footer.text

    form = frame(there, "/preferences/").find("form", action="/preferences/")
    assert {box["value"] for box in form.select("input[name=columns][checked]")} == {"id", "organization"}
    assert {box["value"] for box in form.select("option[selected]")} == {"Asia/Kathmandu", "dark", "de", "100"}
    assert not form.select("input[name=shortcuts][checked]")


def test_times_stand_in_the_chosen_zone_and_the_profile_is_named(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")
    assert "As in your profile: Europe/" in words(browser.get("/preferences/"))
    before = [time.text for time in frame(browser).select("td time")]
    assert before

    preference_store.save("user:1", zone="Pacific/Kiritimati")  # UTC+14

    page = frame(browser)
    assert [time.text for time in page.select("td time")] != before
    assert "UTC+14" in page.text
    assert all(time["datetime"].endswith("Z") for time in page.select("time"))


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Europe", "<b>x</b>", "\x00", "Nowhere/" + "x" * 5000])
def test_a_profile_of_no_zone_reads_in_utc_and_says_so(signed_in: Callable[..., Browser], zone: str) -> None:
    browser = signed_in("admin")
    grant = ApiGrant.objects.get()
    grant.profile = json.dumps(json.loads(grant.profile) | {"tz": zone})
    grant.save()

    assert "Times in UTC" in frame(browser, "/about/").footer.text
    assert "As in your profile: UTC" in words(browser.get("/preferences/"))


def test_a_refused_value_is_said_beside_its_field_and_nothing_is_kept(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")

    wrong = {"zone": "Atlantis/Capital", "theme": "", "language": "tlh", "page_size": "7", "columns": ["token"]}
    answer = browser.post("/preferences/", SENT | wrong)

    assert answer.status_code == 422
    page = BeautifulSoup(answer.content, "html.parser")
    said = {link["href"]: link.text for link in page.select("[data-error-summary] a")}
    names = {"#id_zone": "time zone", "#id_theme": "colours", "#id_language": "languages", "#id_page_size": "rows"}
    assert list(said) == ["#id_language", "#id_zone", "#id_theme", "#id_page_size", "#id_columns"], "as on the page"
    for target, sentence in said.items():
        assert page.select_one(target)
        assert names.get(target, "columns") in sentence, "each sentence names its field"
        assert sentence in page.select_one(f"{target}-error").text
    assert not Preference.objects.exists()


def test_who_comes_by_a_proxy_has_preferences_too(settings: Any, platform: Any) -> None:
    by_header(settings)
    browser = Proxied("viewer@example.com")
    assert browser.sign_in("viewer").status_code == 303

    assert browser.post("/preferences/", SENT).status_code == 303

    assert Preference.objects.get().person == browser.get("/devices/").wsgi_request.access.person
    assert frame(browser, "/about/").html["lang"] == "de"


@pytest.mark.django_db
def test_two_changes_of_different_fields_do_not_undo_each_other() -> None:
    preference_store.save("user:7", theme="dark")
    preference_store.save("user:7", columns=["owner", "id"])

    assert preference_store.load("user:7") == Preferences(theme="dark", columns=("id", "owner"))
    with pytest.raises(ValueError, match="colour"):
        preference_store.save("user:7", colour="red")
    with pytest.raises(ValueError, match="zone"):
        preference_store.save("user:7", zone="Nowhere")


def test_erasing_a_person_takes_their_preferences(signed_in: Callable[..., Browser]) -> None:
    admin = signed_in("admin")
    email = admin.get("/about/").wsgi_request.access.email
    assert admin.post("/devices/1/rename/", {"name": "Pump by the gate"}).status_code == 303
    admin.post("/preferences/", SENT)
    preference_store.save("user:7", theme="dark")

    call_command("erase_person", email)

    assert list(Preference.objects.values_list("person", flat=True)) == ["user:7"]
    call_command("erase_person", "7", stdout=(said := StringIO()))
    assert "Erased their preferences." in said.getvalue()
    assert not Preference.objects.exists()
    with pytest.raises(CommandError, match="use the user id"):
        call_command("erase_person", "7")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        "\ud800",
        '{"zone": "Nowhere", "theme": 5, "columns": "id", "page_size": true, "x": 1}',
    ],
)
def test_what_cannot_be_read_gives_the_defaults(text: str | None) -> None:
    assert read(text) == DEFAULTS


def test_one_wrong_value_costs_no_other() -> None:
    kept = '{"theme": "dark", "page_size": 7, "columns": ["id", "owner"], "from_the_future": [1]}'

    assert read(kept) == Preferences(theme="dark", columns=("id", "owner"))
    assert read(written(Preferences(zone="Europe/Berlin", columns=()))) == Preferences(zone="Europe/Berlin", columns=())


def test_every_column_has_words() -> None:
    assert tuple(COLUMN_WORDS) == COLUMNS
