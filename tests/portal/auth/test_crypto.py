"""Tokens at rest: encrypted, bound to their row, readable with each key."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from devices.gateway.errors import Unauthorized
from portal.auth import grants
from portal.auth.crypto import Secret, Tokens
from portal.auth.models import ApiGrant
from tests.portal.auth.token_endpoint import PERSON, TokenEndpoint, expire, row_of


def test_tokens_moved_to_another_row_open_nothing(handle: str, endpoint: TokenEndpoint) -> None:
    other = grants.open_grant(Tokens(Secret("access-other"), Secret("refresh-other"), 3600.0), PERSON)
    ApiGrant.objects.filter(handle=other).update(blob=row_of(handle).blob)
    with pytest.raises(Unauthorized):
        grants.token_for(other)
    assert grants.read(other) is None
    assert grants.token_for(handle) == "access-0"


def test_tokens_do_not_open_for_another_person(handle: str) -> None:
    ApiGrant.objects.update(user=8)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)


@pytest.mark.parametrize("blob", ["", "not encrypted at all", "gAAAAABm"])
def test_an_unreadable_row_asks_for_a_new_sign_in(handle: str, blob: str) -> None:
    ApiGrant.objects.update(blob=blob)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)


def test_an_old_key_still_opens_and_the_first_one_closes(handle: str, settings: Any) -> None:
    old, new = settings.TOKEN_KEYS[0], Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [new, old]
    assert grants.token_for(handle) == "access-0"
    expire(handle)
    grants.token_for(handle)
    settings.TOKEN_KEYS = [new]
    assert grants.token_for(handle) == "access-1"
    settings.TOKEN_KEYS = [old]
    with pytest.raises(Unauthorized):
        grants.token_for(handle)


def test_a_secret_shows_itself_to_nobody() -> None:
    import copy
    import json
    import pickle

    import msgspec

    secret = Secret("canary")
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>20}",
        f"{secret:>20}",
        repr([secret]),
        " ".join(map(str, [secret])),
    ):
        assert "canary" not in shown
    assert "canary" not in repr(Tokens(secret, secret, 1.0))
    for leak in (pickle.dumps, json.dumps, copy.deepcopy, msgspec.json.encode, vars):
        with pytest.raises(TypeError):
            leak(secret)
    assert secret.matches("canary")
