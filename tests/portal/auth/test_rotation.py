"""TOKEN_KEYS can be rotated while people work, without losing a refresh token."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from portal.auth import crypto, grants, rotation
from portal.auth.crypto import DecryptionError, Secret, Tokens
from portal.auth.models import ApiGrant, Draft, SsoLogin
from tests.portal.auth.token_endpoint import PERSON, TokenEndpoint, expire

NEW = Fernet.generate_key().decode()


def run() -> str:
    out = StringIO()
    call_command("rotate_token_keys", stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def new_key(settings: Any) -> Callable[[], None]:
    def turn() -> None:
        settings.TOKEN_KEYS = [NEW, *settings.TOKEN_KEYS]

    return turn


def opened_with_the_new_key_alone(handle: str, settings: Any) -> Tokens:
    settings.TOKEN_KEYS = [NEW]
    row = grants.read(handle)
    assert row
    return grants._decrypt(row)


def test_all_that_is_sealed_is_sealed_anew_and_a_second_run_has_nothing_to_do(
    db: None, settings: Any, new_key: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    tokens = Tokens(Secret("access"), Secret("refresh"), 3600.0)
    handles = [grants.open_grant(tokens, PERSON) for _ in range(5)]
    now = timezone.now()
    Draft.objects.create(browser="b", person="p", path="/x/", blob=crypto.encrypt(b"typed"), created_at=now)
    SsoLogin.objects.create(handle="s", subject="i|s", identity="{}", hint=crypto.encrypt(b"hint"), created_at=now)
    SsoLogin.objects.create(handle="t", subject="i|t", identity="{}", hint="", created_at=now - timedelta(hours=1))
    new_key()
    handles.append(grants.open_grant(tokens, PERSON))
    assert run().splitlines() == [
        "grants: 5 re-encrypted, 1 already up to date, 0 not decryptable, 0 skipped",
        "sign-ons: 1 re-encrypted, 0 already up to date, 0 not decryptable, 0 skipped",
        "drafts: 1 re-encrypted, 0 already up to date, 0 not decryptable, 0 skipped",
    ]
    blobs = list(ApiGrant.objects.order_by("pk").values_list("blob", flat=True))
    assert "grants: 0 re-encrypted, 6 already up to date" in run()
    assert list(ApiGrant.objects.order_by("pk").values_list("blob", flat=True)) == blobs
    for handle in handles:
        found = opened_with_the_new_key_alone(handle, settings)
        assert found.access.matches("access")
    assert crypto.decrypt(Draft.objects.get().blob) == b"typed"
    assert crypto.decrypt(SsoLogin.objects.get(handle="s").hint) == b"hint"


def test_a_refresh_between_reading_and_writing_is_not_overwritten(
    db: None,
    settings: Any,
    new_key: Callable[[], None],
    endpoint: TokenEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handle = grants.open_grant(endpoint.tokens(), PERSON)
    old_keys = list(settings.TOKEN_KEYS)
    new_key()
    relock, both = rotation.reencrypt, list(settings.TOKEN_KEYS)

    def meanwhile(blob: str) -> str | None:
        fresh = relock(blob)
        if endpoint.calls == 0:
            expire(handle)
            settings.TOKEN_KEYS = old_keys  # a process that was not restarted yet
            assert grants.token_for(handle) == "access-1"
            settings.TOKEN_KEYS = both
        return fresh

    monkeypatch.setattr(rotation, "reencrypt", meanwhile)
    assert "grants: 1 re-encrypted, 0 already up to date" in run()
    tokens = opened_with_the_new_key_alone(handle, settings)
    assert tokens.access.matches("access-1")
    assert tokens.refresh
    assert tokens.refresh.matches(endpoint.current), "not the token that was spent"
    assert endpoint.reused == 0


def test_a_rotation_in_the_middle_of_a_refresh_does_not_lose_what_it_brings(
    db: None,
    settings: Any,
    new_key: Callable[[], None],
    endpoint: TokenEndpoint,
) -> None:
    handle = grants.open_grant(endpoint.tokens(), PERSON)
    new_key()
    content: list[str] = []
    endpoint.on_call = lambda: content.append(run())
    expire(handle)
    assert grants.token_for(handle) == "access-1"
    assert "grants: 1 re-encrypted" in content[0]
    tokens = opened_with_the_new_key_alone(handle, settings)
    assert tokens.refresh
    assert tokens.refresh.matches(endpoint.current)
    expire(handle)
    assert grants.token_for(handle) == "access-2"
    assert endpoint.reused == 0


def test_a_session_that_ends_in_between_is_not_brought_back(
    db: None, new_key: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = grants.open_grant(Tokens(Secret("a"), None, 60.0), PERSON)
    new_key()
    relock = rotation.reencrypt

    def meanwhile(blob: str) -> str | None:
        grants.close_grant(handle)
        return relock(blob)

    monkeypatch.setattr(rotation, "reencrypt", meanwhile)
    assert "grants: 0 re-encrypted" in run()
    assert not ApiGrant.objects.exists()


def test_what_no_key_opens_is_counted_and_left_alone(db: None, settings: Any) -> None:
    grants.open_grant(Tokens(Secret("a"), None, 60.0), PERSON)
    before = ApiGrant.objects.values().get()
    settings.TOKEN_KEYS = [NEW]
    content = run()
    assert "grants: 0 re-encrypted, 0 already up to date, 1 not decryptable" in content
    assert "Was a key removed too early?" in content
    assert ApiGrant.objects.values().get() == before


def test_a_row_that_never_rests_is_left_for_another_run(
    db: None, new_key: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    grants.open_grant(Tokens(Secret("a"), None, 60.0), PERSON)
    new_key()
    relock = rotation.reencrypt

    def restless(blob: str) -> str | None:
        ApiGrant.objects.update(version=ApiGrant.objects.get().version + 1)
        return relock(blob)

    monkeypatch.setattr(rotation, "reencrypt", restless)
    content = run()
    assert "1 skipped" in content
    assert "Run the command again." in content


def test_an_old_key_taken_out_too_early_opens_nothing(settings: Any) -> None:
    blob = crypto.encrypt(b"x")
    settings.TOKEN_KEYS = [NEW]
    with pytest.raises(DecryptionError):
        crypto.reencrypt(blob)


def test_everything_that_is_encrypted_is_known_to_the_command() -> None:
    """New encrypted columns are added to ENCRYPTED_COLUMNS, and here."""
    root = Path(__file__).resolve().parents[3]
    writers = {
        str(path.relative_to(root))
        for room in ("portal", "devices")
        for path in (root / room).rglob("*.py")
        if re.search(r"(?<![\w.])(?:crypto\.)?(?:seal|encrypt)\(", re.sub(r"def \w+\(", "", path.read_text("utf-8")))
    }
    assert writers == {
        "portal/auth/crypto.py",
        "portal/auth/drafts.py",
        "portal/auth/grants.py",
        "portal/auth/sso/logins.py",
    }
    assert {(field.model, field.column) for field in rotation.ENCRYPTED_COLUMNS} == {
        (ApiGrant, "blob"),
        (Draft, "blob"),
        (SsoLogin, "hint"),
    }
