"""The headers of every response of the portal."""

from __future__ import annotations

from typing import Any

POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "connect-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
FIXED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


def assert_headers(response: Any, *, static: bool = False, of: str = "") -> None:
    """`static`: a public file; everything else is personal. `of`: the request, for the failure message."""
    headers = response.headers
    policy = {name: values for name, *values in map(str.split, headers.get("Content-Security-Policy", "").split(";"))}
    assert policy == POLICY, of
    assert {name: headers.get(name) for name in FIXED} == FIXED, of
    if static:
        assert "public" in headers["Cache-Control"], of
        assert "Access-Control-Allow-Origin" not in headers, of
    else:
        assert headers.get("Cache-Control") == "no-store, private", of
        assert "HX-Request" in headers.get("Vary", ""), of
    for name, morsel in response.cookies.items():
        assert name.startswith("__Host-"), f"{of}: {name}"
        assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", ""), f"{of}: {name}"
        assert morsel["samesite"] == "Lax", f"{of}: {name}"
        assert morsel["httponly"] or morsel["max-age"] == 0, f"{of}: {name}"
        assert len(morsel.OutputString()) < 4096, f"{of}: {name}"
