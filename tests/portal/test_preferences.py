"""A person's preferences: saving, showing and erasing them."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.management import CommandError, call_command

from devices.core.preferences import Preferences
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


def test_preferences_apply_in_every_browser_of_this_person_only(
    signed_in: Callable[..., Browser],
) -> None:
    here, there, other = signed_in("admin"), signed_in("admin"), signed_in("support")

    answer = here.post("/preferences/", SENT)

    assert (answer.status_code, answer["Location"]) == (303, "/preferences/")
    saved = Preferences("Asia/Kathmandu", "dark", "de", False, ("id", "organization"), 100)
    for browser in (here, there):
        page = frame(browser)
        assert (page.html["lang"], page.html["data-theme"]) == ("de", "dark")
        assert "Asia/Kathmandu" in page.footer.text
        assert browser.get("/devices/").wsgi_request.preferences == saved
    strange = frame(other)
    assert strange.html["lang"] == "en"
    assert not strange.html.has_attr("data-theme")
    assert "Asia/Kathmandu" not in strange.footer.text

    form = frame(there, "/preferences/").find("form", action="/preferences/")
    assert {box["value"] for box in form.select("input[name=columns][checked]")} == {"id", "organization"}
    assert {box["value"] for box in form.select("option[selected]")} == {"Asia/Kathmandu", "dark", "de", "100"}
    assert not form.select("input[name=shortcuts][checked]")


def test_times_are_in_the_chosen_zone(signed_in: Callable[..., Browser]) -> None:
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
def test_a_profile_without_a_valid_zone_uses_utc(signed_in: Callable[..., Browser], zone: str) -> None:
    browser = signed_in("admin")
    grant = ApiGrant.objects.get()
    grant.profile = json.dumps(json.loads(grant.profile) | {"tz": zone})
    grant.save()

    assert "Times in UTC" in frame(browser, "/about/").footer.text
    assert "As in your profile: UTC" in words(browser.get("/preferences/"))


def test_an_invalid_value_is_an_error_at_its_field_and_saves_nothing(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")

    wrong = {"zone": "Atlantis/Capital", "theme": "", "language": "tlh", "page_size": "7", "columns": ["token"]}
    answer = browser.post("/preferences/", SENT | wrong)

    assert answer.status_code == 422
    page = BeautifulSoup(answer.content, "html.parser")
    content = {link["href"]: link.text for link in page.select("[data-error-summary] a")}
    names = {"#id_zone": "time zone", "#id_theme": "colours", "#id_language": "languages", "#id_page_size": "rows"}
    assert list(content) == ["#id_language", "#id_zone", "#id_theme", "#id_page_size", "#id_columns"], "as on the page"
    for target, sentence in content.items():
        assert page.select_one(target)
        assert names.get(target, "columns") in sentence, "each sentence names its field"
        assert sentence in page.select_one(f"{target}-error").text
    assert not Preference.objects.exists()


def test_a_person_signed_in_by_a_proxy_has_preferences(settings: Any, platform: Any) -> None:
    by_header(settings)
    browser = Proxied("viewer@example.com")
    assert browser.sign_in("viewer").status_code == 303

    assert browser.post("/preferences/", SENT).status_code == 303

    assert Preference.objects.get().person == browser.get("/devices/").wsgi_request.access.person
    assert frame(browser, "/about/").html["lang"] == "de"


def test_a_save_changes_only_the_given_fields(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")
    preference_store.save("user:1", theme="dark")
    preference_store.save("user:1", columns="id,owner")

    preferences = browser.get("/about/").wsgi_request.preferences
    assert preferences == Preferences(theme="dark", columns=("id", "owner"))


def test_erasing_a_person_deletes_their_preferences(signed_in: Callable[..., Browser]) -> None:
    admin = signed_in("admin")
    email = admin.get("/about/").wsgi_request.access.email
    assert admin.post("/devices/1/rename/", {"name": "Pump by the gate"}).status_code == 303
    admin.post("/preferences/", SENT)
    preference_store.save("user:7", theme="dark")

    call_command("erase_person", email)

    assert list(Preference.objects.values_list("person", flat=True)) == ["user:7"]
    call_command("erase_person", "7", stdout=(content := StringIO()))
    assert "Erased their preferences." in content.getvalue()
    assert not Preference.objects.exists()
    with pytest.raises(CommandError, match="use the user id"):
        call_command("erase_person", "7")


def test_an_unknown_value_reads_as_the_default_without_affecting_others(
    signed_in: Callable[..., Browser],
) -> None:
    browser = signed_in("admin")
    old = {"zone": "Nowhere", "theme": "sepia", "language": "tlh", "page_size": 7, "columns": "owner,gone,id"}
    preference_store.save("user:1", **old, shortcuts=False)

    preferences = browser.get("/preferences/").wsgi_request.preferences
    assert preferences == Preferences(shortcuts=False, columns=("id", "owner"))
