"""Log formatting: one line an event, without control characters and credentials."""

from __future__ import annotations

import logging
import re
import time

# Credentials in a header, query, form, JSON body, or URL with user info. The lengths around the word are bounded, or a
# long path full of such words would take seconds to match. "ServerFault in refresh_token: status 500" is no credential.
SECRETS = re.compile(
    r"""(?ix)
    (?P<auth> \b(?:bearer|basic)\s+ ) [\w.~+/=-]{8,}
  | (?P<pair> \b\w{0,40}(?:password|passwd|secret|token|api_?key)\w{0,20}["']?\s*[=:]\s*["']? )
        (?! status\ (?:\d{3}|None)\b ) [^\s"'&;,)}\]]+
  | (?P<user> ://[^\s/:@]*: ) [^\s/@]+ (?=@)
    """
)
# Line breaks, control characters, and marks that reorder text on a screen.
UNSAFE_IN_LOGS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def redact(text: str) -> str:
    return SECRETS.sub(lambda m: f"{m['auth'] or m['pair'] or m['user']}***", text)


def one_line(text: str) -> str:
    text = text.replace("\n", " | ").replace("\t", " ")
    return UNSAFE_IN_LOGS.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


class LineFormatter(logging.Formatter):
    """`2026-11-22T14:02:10Z WARNING portal.auth: text`. Cleans the whole line, including a traceback."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        return one_line(redact(super().format(record)))
