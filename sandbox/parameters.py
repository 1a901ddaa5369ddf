"""Parameters of queries and bodies: each kind parses its value or raises Invalid."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.validators import EmailValidator
from django.http import HttpRequest

from sandbox import switches

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
# ASCII digits only: int() also accepts other digits, spaces and underscores.
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_check_email = EmailValidator()


class Invalid(Exception):
    """The request is invalid: status 400."""


@dataclass(frozen=True)
class Param(ABC):
    """`read` parses a string from the query, or any JSON value except null from a body."""

    name: str
    required: bool = False
    default: Any = None

    @abstractmethod
    def read(self, raw: object, *, from_text: bool) -> Any: ...


@dataclass(frozen=True)
class Int(Param):
    low: int = INT32[0]
    high: int = INT32[1]
    clamped: bool = False  # may be clamped, if the switch says so

    def read(self, raw: object, *, from_text: bool) -> int:
        if from_text:
            if not _INTEGER.fullmatch(str(raw)):
                raise Invalid
            number = int(str(raw))
        elif isinstance(raw, int) and not isinstance(raw, bool):
            number = raw
        elif isinstance(raw, float) and raw.is_integer():  # 5.0 is an integer in JSON Schema
            number = int(raw)
        else:
            raise Invalid
        if self.clamped and INT32[0] <= number <= INT32[1] and switches.get("size_out_of_range") == "clamp":
            return min(max(number, self.low), self.high)
        if not self.low <= number <= self.high:
            raise Invalid
        return number


@dataclass(frozen=True)
class Text(Param):
    longest: int = 255
    shortest: int = 0
    numbers: bool = False  # may be a JSON number, if the switch says so

    def read(self, raw: object, *, from_text: bool) -> str:
        if self.numbers and switches.on("metafield_numbers") and isinstance(raw, int | float):
            raw = str(raw)
        if not isinstance(raw, str) or not self.shortest <= len(raw) <= self.longest:
            raise Invalid
        if "\0" in raw or any("\ud800" <= c <= "\udfff" for c in raw):
            raise Invalid
        return raw


@dataclass(frozen=True)
class Email(Param):
    def read(self, raw: object, *, from_text: bool) -> str:
        try:
            _check_email(str(raw))
        except ValidationError:
            raise Invalid from None
        return str(raw)


@dataclass(frozen=True)
class Flag(Param):
    def read(self, raw: object, *, from_text: bool) -> bool:
        """Case-sensitive: `TRUE` in a query is not a boolean."""
        value = {"true": True, "false": False}.get(str(raw)) if from_text else raw
        if not isinstance(value, bool):
            raise Invalid
        return value


@dataclass(frozen=True)
class Choice(Param):
    among: tuple[str, ...] = ()
    lenient: str = ""  # name of the switch that makes it ignore unknown values

    def read(self, raw: object, *, from_text: bool) -> str | None:
        if raw in self.among:
            return str(raw)
        if self.lenient and switches.get(self.lenient) == "ignore":
            return None
        raise Invalid


DEVICE_ID = Int("deviceId", required=True)
PAGING = (Int("page", default=0, low=0), Int("size", default=50, low=1, high=1000, clamped=True))
SORT_ORDER = Choice("sortOrder", default="ASC", among=("ASC", "DESC"))


def _read_all(params: tuple[Param, ...], given: dict[str, Any], *, from_text: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for param in params:
        raw = given.get(param.name)
        if raw is None:
            if param.required:
                raise Invalid
            found[param.name] = param.default
        else:
            found[param.name] = param.read(raw, from_text=from_text)
    return found


def from_query(request: HttpRequest, params: tuple[Param, ...]) -> dict[str, Any]:
    """Values by name. A repeated parameter is refused, an unknown one ignored."""
    try:
        lists = dict(request.GET.lists())
    except SuspiciousOperation:  # too many parameters
        raise Invalid from None
    names = {param.name for param in params}
    if any(len(values) > 1 for name, values in lists.items() if name in names):
        raise Invalid
    # An empty value counts as absent, except for text, which has a minimum length.
    given = {name: values[0] for name, values in lists.items() if name in names}
    texts = {param.name for param in params if isinstance(param, Text)}
    return _read_all(params, {n: v for n, v in given.items() if v or n in texts}, from_text=True)


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Invalid
    return made


def _reject_constants(_: str) -> Any:
    raise Invalid  # NaN and Infinity are not JSON


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body as an object. Raises Invalid for anything else."""
    kind = request.content_type
    if kind not in ("", "application/json", "text/plain"):
        raise Invalid
    try:
        body = json.loads(request.body, object_pairs_hook=_reject_duplicates, parse_constant=_reject_constants)
    except (ValueError, RecursionError, SuspiciousOperation):
        raise Invalid from None
    if not isinstance(body, dict):
        raise Invalid
    return body


def from_body(request: HttpRequest, params: tuple[Param, ...]) -> dict[str, Any]:
    """Values by name. Null counts as absent, unknown members are ignored."""
    return _read_all(params, read_json(request), from_text=False)
