"""Patterns of the secrets that tests give to the portal. Finding one in output means a leak."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress

CLIENT_ID = "oa2-client-id_sandbox-portal-demo-0000000000000"
CLIENT_SECRET = "sandbox-secret-for-demonstration-0000000"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
KINDS: dict[str, str] = {
    "access token": r"sbx-access-[\w-]{16,}",
    "refresh token": r"sbx-refresh-[\w-]{16,}",
    "device token": r"sbxdev[\w-]{26}",
    "client secret": re.escape(CLIENT_SECRET),
    "client secret, encoded": re.escape(BASIC),
    "key": r"for-tests-only-0123456789-abc|Zm9yLXRlc3RzLW9ubHkta2V5",
    "password": r"canary-password-[\w-]+",
    "ID token": r"eyJ[\w-]{8,}\.eyJ[\w-]{16,}\.[\w-]{16,}",
    "proxy secret": r"proxy-secret-canary-[\w-]+",
}
SECRET = re.compile("|".join(f"(?P<k{i}>{pattern})" for i, pattern in enumerate(KINDS.values())).encode())
NAMES = dict(zip((f"k{i}" for i in range(len(KINDS))), KINDS, strict=True))
PREFIXES = [re.split(r"[\\\[]", each)[0].encode() for pattern in KINDS.values() for each in pattern.split("|")]
"""The literal start of each pattern: searching for it first takes a tenth of the time."""
ENCODED = re.compile(rb"[A-Za-z0-9_-]{24,}")
"""Possible base64: Django encodes sessions and messages so, sometimes compressed."""


def secrets_in(data: str | bytes) -> set[str]:
    """The kinds of secrets in `data`, also in base64 or compressed parts."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    found = _plain(raw)
    for match in ENCODED.finditer(raw):
        for inner in _decoded(match[0]):
            found |= {f"{kind}, packed" for kind in _plain(inner)}
    return found


def _plain(raw: bytes) -> set[str]:
    if not any(prefix in raw for prefix in PREFIXES):
        return set()
    return {NAMES[str(match.lastgroup)] for match in SECRET.finditer(raw)}


def _decoded(run: bytes) -> Iterator[bytes]:
    plain = base64.urlsafe_b64decode(run[: len(run) // 4 * 4] if len(run) % 4 == 1 else run + b"=" * (-len(run) % 4))
    yield plain
    if plain[:1] == b"\x78":
        with suppress(zlib.error):
            yield zlib.decompress(plain)
