"""Log lines: one an event, no control characters, no credentials."""

from __future__ import annotations

import logging
import re
import time

# What a credential looks like in a header, a query or form, a JSON body, or a URL with user-info. Bounded on both
# sides of the word, or a long path full of such words would take seconds. What a gateway error says of itself is no
# credential, though the name of the operation ends in such a word: "ServerFault in refresh_token: status 500".
SECRETS = re.compile(
    r"""(?ix)
    (?P<auth> \b(?:bearer|basic)\s+ ) [\w.~+/=-]{8,}
  | (?P<pair> \b\w{0,40}(?:password|passwd|secret|token|api_?key)\w{0,20}["']?\s*[=:]\s*["']? )
        (?! status\ (?:\d{3}|None)\b ) [^\s"'&;,)}\]]+
  | (?P<user> ://[^\s/:@]*: ) [^\s/@]+ (?=@)
    """
)
# Line breaks of every kind, other control characters, and the marks that reorder text on a screen.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def redact(text: str) -> str:
    return SECRETS.sub(lambda m: f"{m['auth'] or m['pair'] or m['user']}***", text)


def one_line(text: str) -> str:
    text = text.replace("\n", " | ").replace("\t", " ")
    return UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


class LineFormatter(logging.Formatter):
    """`2026-11-22T14:02:10Z WARNING portal.auth: text`. The finished line is cleaned, a traceback in it too."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        return one_line(redact(super().format(record)))
