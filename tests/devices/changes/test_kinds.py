"""The registry of changes: what a kind lacks is named at start, and people can reach the form of each."""

from __future__ import annotations

import dataclasses

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from devices.changes import kinds as registry
from devices.changes.kinds import OVERVIEW, ChangeKind, check, kinds
from devices.changes.writes.metafield import SET_METAFIELD
from tests.change_examples import change_of, with_forms
from tests.devices.conftest import Person, soup
from tests.servers import SandboxServer

WITHOUT = {
    "done": {"words": dataclasses.replace(SET_METAFIELD.words, done="")},
    "operation": {"operation": "set_nothing"},
    "path": {"path": "metafields"},
    "example.target": {"example": SET_METAFIELD.example._replace(target="")},
    "page": {"page": OVERVIEW},
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_a_kind_lacks_is_named_at_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kind = dataclasses.replace(SET_METAFIELD, **WITHOUT[name])  # type: ignore[arg-type]
    monkeypatch.setattr(registry, "kinds", lambda: (kind,))
    with pytest.raises(ImproperlyConfigured, match=f"The change metafield in .* lacks: .*{name}"):
        check()


def test_nothing_is_lacking() -> None:
    check()
    assert len(kinds()) > 5


@pytest.mark.parametrize("kind", [kind for kind in with_forms() if kind.about_device], ids=lambda kind: kind.name)
def test_a_page_leads_to_the_form(admin: Person, platform: SandboxServer, kind: ChangeKind) -> None:
    change = change_of(platform, kind.operation)
    page = soup(admin.get(reverse(kind.form_page, args=[change.device])))
    links = {str(link.get("hx-get") or link.get("href")).split("?")[0] for link in page.select("[href], [hx-get]")}
    assert change.path in links
