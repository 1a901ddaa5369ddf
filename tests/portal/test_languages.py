"""The portal in other languages: which one a page is in, that every word of it is, and that the catalogs are whole."""

from __future__ import annotations

import gettext as catalogs
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Comment, NavigableString
from django.conf import settings as django_settings
from django.utils import translation
from django.utils.translation import ngettext, trans_real

from devices.core.date_formats import long_date, short_date
from devices.core.formatting import Clock, number
from devices.gateway.errors import GatewayError
from devices.preferences import store as preference_store
from portal.auth import oauth
from tests.devices import fleet
from tests.portal.conftest import Browser, words
from tests.servers import SandboxServer
from tools import messages

GERMAN = "de-AT,de;q=0.9,en;q=0.5"
PAGES = (
    "/devices/",
    "/devices/by-owner/",
    "/devices/recent/",
    f"/devices/{fleet.RICH}/",
    f"/devices/{fleet.RICH}/timeline/",
    f"/devices/{fleet.RICH}/logs/",
    f"/devices/{fleet.RICH}/metafields/",
    f"/devices/{fleet.RICH}/changes/",
    f"/devices/{fleet.RICH}/transfer-to-owner/",
    f"/devices/{fleet.RICH}/delete/",
    f"/devices/{fleet.RICH}/trigger-event/",
    "/devices/new/",
    "/devices/999999/",
    "/audit/",
    "/sessions/",
    "/preferences/",
    "/about/",
    "/nowhere/",
)
"""Pages on which every word is looked at."""
DATA = frozenset(
    ("online", "offline", "off", "open", "device name", "device owner", "time zone", "heat pump 7 - not installed yet")
)
"""Words on them that come from the platform, though the catalog has them too or they read like a sentence."""
READ_BY_SCRIPT = (
    *("aria-label", "title", "placeholder", "alt", "data-announce", "data-busy-label", "data-hidden", "data-named"),
    *("data-over", "data-plain", "data-refused", "data-words"),
)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which every word of the portal stands between ⟦ and ⟧, and what comes from elsewhere does not."""
    real = trans_real.translation("en")

    class Marks:
        """Of a catalog, what Django's own gettext asks for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def gettext(self, message: str) -> str:
            return f"⟦{message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}⟧"

        def ngettext(self, singular: str, plural: str, n: int) -> str:
            return f"⟦{singular if n == 1 else plural}⟧"

        def to_language(self) -> str:
            return "de"

    monkeypatch.setitem(trans_real._translations, "de", Marks())


def visible(page: BeautifulSoup) -> Iterator[str]:
    """Every text that somebody reads or hears."""
    for text in page.find_all(string=True):
        parents = {parent.name for parent in text.parents}
        if (
            isinstance(text, NavigableString)
            and not isinstance(text, Comment)
            and not parents & {"script", "style", "code"}
        ):
            yield " ".join(text.split())
    for tag in page.find_all(True):
        yield from (tag[name] for name in READ_BY_SCRIPT if tag.get(name))


def unmarked(text: str) -> str:
    """What of this text stands outside the marks."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return text


def of_the_catalog() -> dict[str, str]:
    """Words of the interface that nobody could take for data, as a page would hold them: English -> German."""
    path = messages.ROOT / "locale/de/LC_MESSAGES/django.mo"
    with path.open("rb") as file:
        catalog = catalogs.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {str(key[0] if isinstance(key, tuple) else key): german for key, german in catalog.items() if key}


@pytest.mark.usefixtures("marked")
def test_every_word_on_every_page_can_be_translated(signed_in: Callable[..., Browser]) -> None:
    """What stands outside the marks is data, or it is in this page's English too where nothing is marked: then a word
    that the code holds as a whole would show here."""
    browser = signed_in("admin")
    browser.post(f"/devices/{fleet.RICH}/rename/", {"name": "Renamed for words"}, headers={"Accept-Language": "en"})
    known = {words.casefold() for words in of_the_catalog() if re.fullmatch(r"[A-Z][\w’' ,.-]{2,}", words)}
    bare: set[tuple[str, str]] = set()
    for path in PAGES:
        page = BeautifulSoup(browser.get(path, headers={"Accept-Language": "de"}).content, "html.parser")
        assert page.html is not None
        assert page.html["lang"] == "de", path
        assert "⟦" in page.text
        for zone in page.select("#id_zone option"):  # names of places
            zone.decompose()
        for text in visible(page):
            left = unmarked(text).strip(" .,:;·–()%")
            sentence = re.search(r"\b(the|is|are|has|not|your|of|was|to)\b", left)
            if (sentence or left.casefold() in known) and left.casefold() not in DATA:
                bare.add((path, left))

    assert bare == set()


def test_german_pages_hold_no_english(signed_in: Callable[..., Browser], platform: SandboxServer) -> None:
    german = of_the_catalog()
    same = {english for english, words in german.items() if english == words}
    telling = {words for words in german if re.fullmatch(r"[A-Z][^%]{14,}", words)} - same
    browser = signed_in("admin")
    preference_store.save("user:1", language="de")
    pages = {path: browser.get(path) for path in ("/devices/", f"/devices/{fleet.RICH}/", "/audit/", "/nowhere/")}
    pages["/sign-in/"] = Browser(headers={"Accept-Language": GERMAN}).get("/sign-in/")

    for path, answer in pages.items():
        page = BeautifulSoup(answer.content, "html.parser")
        assert page.html is not None
        assert page.html["lang"] == answer["Content-Language"] == "de", path
        assert "Accept-Language" in answer["Vary"]
        shown = set(visible(page))
        assert not shown & telling, path
    assert "Geräte" in words(pages["/devices/"])
    assert "Anmelden" in words(pages["/sign-in/"])


def test_the_persons_language_comes_before_the_browsers(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")

    def language(wanted: str) -> str:
        page = BeautifulSoup(browser.get("/about/", headers={"Accept-Language": wanted}).content, "html.parser")
        assert page.html is not None
        return str(page.html["lang"])

    assert [language(wanted) for wanted in (GERMAN, "fr", "", "en,de", "*", "de-CH")] == [
        "de",
        "en",
        "en",
        "en",
        "en",
        "de",
    ]
    preference_store.save("user:1", language="en")
    assert language(GERMAN) == "en"
    preference_store.save("user:1", language="de")
    assert language("en") == "de"
    # Nothing of it is left for whoever this thread serves next.
    assert Browser().get("/sign-in/")["Content-Language"] == "en"
    assert translation.get_language() == django_settings.LANGUAGE_CODE


@pytest.mark.parametrize(
    ("language", "today", "older", "count"),
    [
        ("en", "Monday 23 November", "3 Mar 2025, 11:00", "1,234,567.5 minutes"),
        ("de", "Montag, 23. November", "3. März 2025, 11:00", "1.234.567,5 Minuten"),
    ],
)
def test_dates_numbers_and_plurals_follow_the_language(language: str, today: str, older: str, count: str) -> None:
    with translation.override(language):
        clock = Clock("Europe/Berlin", 1_795_442_530.0)  # 2026-11-23 14:02:10 UTC
        when = clock.when(1_740_996_000_000)  # 2025-03-03 10:00:00 UTC
        assert when
        assert when.text == older
        assert clock.day(clock.moment(1_795_442_530_000)).endswith(today)
        assert ngettext("%(n)s minute", "%(n)s minutes", 2) % {"n": number(1234567.5)} == count


@pytest.mark.parametrize(
    ("language", "long"),
    [
        *(("da", "tirsdag den 3. marts"), ("es", "martes, 3 de marzo"), ("pt", "terça-feira, 3 de março")),
        *(("fi", "tiistai 3. maaliskuuta"), ("hu", "2026. március 3., kedd"), ("ja", "2026年3月3日火曜日")),
        *(("zh-hans", "2026年3月3日星期二"), ("ko", "2026년 3월 3일 화요일"), ("tr", "3 Mart 2026 Salı")),
        *(("lt", "2026 m. kovo 3 d., antradienis"), ("so", "Talaado, Maarso 3")),
    ],
)
def test_a_new_language_needs_no_date_formats_of_our_own(language: str, long: str) -> None:
    with translation.override(language):
        assert long_date(date(2026, 3, 3), 2026) == long
        assert "2026" in long_date(date(2026, 3, 3), 2025)
        assert "3" in short_date(date(2026, 3, 3), 2026)
        assert "567" in number(1234567.5)


def test_every_sentence_of_an_error_is_in_the_catalog() -> None:
    assert oauth.ClientRefused.sentence
    kinds, seen = [GatewayError], []
    while kinds:
        seen.append(kind := kinds.pop())
        kinds += kind.__subclasses__()

    named = {kind.sentence for kind in seen if kind.__module__.startswith(("devices.", "portal."))}
    assert len(named) > 8
    assert named - set(of_the_catalog()) == set()


def test_a_catalog_that_differs_from_the_code_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    po = tmp_path / "locale/de/LC_MESSAGES/django.po"
    for folder in (po.parent, *(tmp_path / name for name in messages.PLACES)):
        folder.mkdir(parents=True)
    (tmp_path / "templates/a.html").write_text('{{ ngettext("%(n)s key", "%(n)s keys", n)|format(n=n) }}')
    code = tmp_path / "devices/a.py"
    code.write_text('_("Here")')
    po.write_text('# Ours\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n')
    monkeypatch.setattr(messages, "ROOT", tmp_path)

    def run_messages(*arguments: str) -> str:
        failed = messages.main(list(arguments))
        output = capsys.readouterr().out
        assert bool(failed) != ("complete" in output)
        return output

    assert "not translated: 'Here'" in run_messages()
    whole = po.read_text().replace('"Here"\nmsgstr ""', '"Here"\nmsgstr "Hier"')
    po.write_text(whole.replace('[0] ""', '[0] "%(n)s Taste"').replace('[1] ""', '[1] "%(n)s Tasten"'))
    assert "django.mo: does not match the .po" in run_messages("--check")
    run_messages()
    assert "complete" in run_messages("--check")
    assert po.read_text().startswith("# Ours\n")
    code.write_text('_("Here")\n_("There")')
    assert "does not match the code" in run_messages("--check")
    code.write_text('_("There")')
    assert "not translated: 'There'" in run_messages()


@pytest.mark.parametrize(
    ("english", "german", "wrong"),
    [
        ("%(n)s of %(m)s", "%(m)s: %(n)s", ""),
        ("%(n)s of %(m)s", "%(n)s", "placeholders differ"),
        ("%s for %d", "%d für %s", "placeholders differ"),
        ("A hundred %%", "Hundert Prozent", ""),
        ("Here", "", "not translated"),
        (("one device", "%(n)s devices"), ("ein Gerät", "%(n)s Geräte"), ""),
        (("one device", "%(n)s devices"), ("ein Gerät", ""), "not translated"),
    ],
)
def test_faults_of_a_translation_are_reported(english: Any, german: Any, wrong: str) -> None:
    assert messages.fault(messages.Message(english, german)) == wrong
    if not wrong:
        assert messages.fault(messages.Message(english, german, flags={"fuzzy"})) == "fuzzy"
