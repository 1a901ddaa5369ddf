"""Holds one call against `docs/openapi.yaml` and says in plain words where the two disagree.

openapi-core judges parameters, bodies, headers and status codes. Added is what a contract between two programs needs
beyond it: nothing undeclared is sent, values are spelled as JSON spells them, and a body may be missing only where
the contract marks the answer with `x-empty-body`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from jsonschema.exceptions import ValidationError, best_match
from jsonschema_path import SchemaPath
from openapi_core import V31RequestValidator, V31ResponseValidator
from openapi_core.datatypes import RequestParameters
from openapi_core.templating.datatypes import TemplateResult
from openapi_core.templating.paths.datatypes import PathOperationServer
from openapi_core.templating.paths.exceptions import PathNotFound
from openapi_core.templating.paths.finders import BasePathFinder
from werkzeug.datastructures import Headers, ImmutableMultiDict

FILE = Path(__file__).parents[2] / "docs" / "openapi.yaml"
ROOT = "/api/v1/organization"
METHODS = ("get", "put", "post", "delete")
TOO_LARGE = (413, 414, 431)
"""By the HTTP server, before anything of the API has seen the request."""
SPELLING = {"integer": re.compile(r"-?[0-9]+"), "boolean": re.compile(r"true|false")}


@dataclass(frozen=True)
class Call:
    """A request as it went over the wire. `query` keeps doubled names; of the headers only those that are judged stay,
    of credentials only their kind, so that equal calls are judged once."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> Call:
        parts = urlsplit(url)
        raw = body.encode() if isinstance(body, str) else body or b""
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        judged = _judged(headers, "authorization", "content-type")
        kinds = tuple((name, f"{value.split()[0]} -" if name == "authorization" else value) for name, value in judged)
        return cls(method.upper(), parts.path, query, kinds, raw)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire, its body decompressed; of the headers only those that are judged."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        return cls(status, _judged(headers, "content-type", "location", "retry-after"), body)


def _judged(headers: Mapping[str, str], *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in headers.items() if name.lower() in names and value)


class _Request:
    """What openapi-core wants to know of a request."""

    host_url = "http://sandbox"
    path_pattern = None

    def __init__(self, call: Call) -> None:
        headers = Headers(call.headers)
        self.method = call.method.lower()
        self.path = call.path
        self.body = call.body
        self.content_type = headers.get("Content-Type", "application/json")
        self.parameters = RequestParameters(path={}, query=ImmutableMultiDict(call.query), header=headers)


class _Response:
    """What openapi-core wants to know of a response."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.data = answer.body
        self.headers = Headers(answer.headers)
        self.content_type = self.headers.get("Content-Type", "")


class _Finder(BasePathFinder):
    """Finds an operation by one look-up: no path has a variable part, and the host is nobody's business here."""

    def __init__(self, spec: SchemaPath, base_url: str | None = None) -> None:
        super().__init__(spec, base_url)
        self.known = {
            (method, name): PathOperationServer(path, path / method, None, TemplateResult(name, {}), {})
            for name, path in (spec / "paths").str_items()
            for method in path.str_keys()
        }

    def find(self, method: str, name: str) -> PathOperationServer:
        try:
            return self.known[method, urlsplit(name).path]
        except KeyError:
            raise PathNotFound(name) from None


class Contract:
    """The contract, read once. `operations` maps (METHOD, path) to the operation with all references filled in."""

    def __init__(self, file: Path = FILE) -> None:
        with file.open("rb") as stream:
            raw = yaml.load(stream, Loader=yaml.CSafeLoader)
        # Filled in, a schema is checked almost twice as fast as one that is looked up again for every row.
        self.document: dict[str, Any] = _filled_in(raw, raw)
        spec = SchemaPath.from_dict(self.document)
        self._requests = V31RequestValidator(spec, path_finder_cls=_Finder)
        self._responses = V31ResponseValidator(spec, path_finder_cls=_Finder)
        self.operations: dict[tuple[str, str], dict[str, Any]] = {
            (method.upper(), path): item[method]
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        }
        self.request_violations = lru_cache(2048)(self._request_violations)
        self.answer_violations = lru_cache(2048)(self._answer_violations)

    def path_of(self, name: str) -> str:
        """Of the operation with this id, without the common path."""
        return next(path for (_, path), it in self.operations.items() if it["operationId"] == name).removeprefix(ROOT)

    def call_of(self, name: str) -> tuple[str, str]:
        """Verb and path of the operation with this id, without the common path."""
        found = next(call for call, operation in self.operations.items() if operation["operationId"] == name)
        return found[0], found[1].removeprefix(ROOT)

    def reads_of_a_device(self) -> dict[str, set[str]]:
        """Ids of the operations that read one device and have to be given no more than its id -> their parameters."""
        found = {}
        for (verb, _), operation in self.operations.items():
            parameters = operation.get("parameters", ())
            if verb == "GET" and {item["name"] for item in parameters if item.get("required")} == {"deviceId"}:
                found[operation["operationId"]] = {item["name"] for item in parameters}
        return found

    def operation(self, call: Call) -> dict[str, Any] | None:
        return self.operations.get((call.method, call.path))

    def _request_violations(self, call: Call) -> tuple[str, ...]:
        """What is wrong with the call; empty for a good one."""
        operation = self.operation(call)
        if operation is None:
            return (f"{call}: the contract has no such operation",)
        found = [*_undeclared(operation, call), *_in_words(self._requests.iter_errors(_Request(call)))]
        return tuple(f"{call}: {words}" for words in found)

    def _answer_violations(self, call: Call, answer: Answer) -> tuple[str, ...]:
        """What is wrong with the answer to the call; empty for a good one. The call itself may be a wrong one."""
        operation = self.operation(call)
        if answer.status in TOO_LARGE:
            return ()
        if operation is None:
            if 400 <= answer.status < 500:
                return ()
            return (f"{call}: answered {answer.status}, though the contract has no such operation",)
        responses = operation["responses"]
        response = responses.get(str(answer.status)) or responses.get(f"{answer.status // 100}XX")
        if response is not None and not answer.body and response.get("x-empty-body"):
            response = {**response, "content": None}
        found: list[str]
        if response is not None and not response.get("content"):
            found = ["a body where the contract has none"] if answer.body else []
            if "headers" in response and not answer.body:
                found += _missing_headers(response["headers"], answer)
        else:
            found = list(_in_words(self._responses.iter_errors(_Request(call), _Response(answer))))
        return tuple(f"{call}: answer {answer.status}: {words}" for words in found)


@cache
def contract() -> Contract:
    """The contract of the repository."""
    return Contract()


def _filled_in(node: Any, root: dict[str, Any]) -> Any:
    """Copy `node` with each reference replaced by its target; members beside one win. No schema is recursive."""
    if isinstance(node, list):
        return [_filled_in(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _filled_in({**target, **{key: value for key, value in node.items() if key != "$ref"}}, root)
    return {key: _filled_in(value, root) for key, value in node.items()}


def sample(schema: dict[str, Any]) -> Any:
    """A value with every member that the schema names: its example, or one for the type."""
    if "example" in schema or "enum" in schema:
        return schema.get("example", schema.get("enum", [None])[0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [sample(schema["items"])]
    if kind == "object" or "allOf" in schema:
        members = {name: sample(inner) for name, inner in schema.get("properties", {}).items()}
        for part in schema.get("allOf", ()):
            members |= sample(part)
        return members
    return {"integer": 17, "number": 1.5, "string": "Text", "boolean": True}.get(kind)


def _undeclared(operation: dict[str, Any], call: Call) -> Iterator[str]:
    """Names the contract does not know, doubled names, loose spellings, bodies where there is none."""
    declared = {item["name"]: item["schema"] for item in operation.get("parameters", ())}
    names = [name for name, _ in call.query]
    for name in sorted(set(names) - set(declared)):
        yield f"query parameter {name!r} is not declared"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"query parameter {name!r} is given {names.count(name)} times"
    for name, value in call.query:
        spelling = SPELLING.get(declared.get(name, {}).get("type", ""))
        if spelling and not spelling.fullmatch(value):
            yield f"query parameter {name!r}: {value!r} is not spelled as {declared[name]['type']}"
    if "requestBody" not in operation:
        if call.body:
            yield "a body where the contract has none"
        return
    for media, content in operation["requestBody"]["content"].items():
        known = set(content["schema"]["properties"])
        for name in sorted(_members(media, call.body) - known):
            yield f"body member {name!r} is not declared"


def _members(media: str, body: bytes) -> set[str]:
    """Top-level names in a body; none if it cannot be read, which openapi-core complains of by itself."""
    if media == "application/x-www-form-urlencoded":
        return {name for name, _ in parse_qsl(body.decode("latin-1"), keep_blank_values=True)}
    try:
        value = json.loads(body)
    except ValueError:
        return set()
    return set(value) if isinstance(value, dict) else set()


def _missing_headers(headers: dict[str, Any], answer: Answer) -> list[str]:
    present = {name for name, _ in answer.headers}
    return [
        f"the header {name} is missing"
        for name, header in headers.items()
        if header.get("required") and name.lower() not in present
    ]


def _in_words(errors: Iterator[Exception]) -> Iterator[str]:
    """Each error of openapi-core as a sentence with the place in it."""
    for error in errors:
        cause = error.__cause__
        for inner in getattr(cause, "schema_errors", None) or (cause or error,):
            if isinstance(inner, ValidationError):
                # Of alternatives that all fail, the one that came nearest tells most.
                near = best_match([inner]) or inner
                at = "" if near.json_path == "$" else f" {near.json_path}"
                yield _short(f"{_place(error)}{at}: {near.message}")
            else:
                yield _short(f"{_place(error)}: {inner}" if cause else str(error))


def _place(error: Exception) -> str:
    name, location = getattr(error, "name", None), getattr(error, "location", None)
    return f"{location} parameter {name!r}" if name and location else "header" if name else "body"


def _short(text: str, longest: int = 400) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]} ... {text[-longest // 2 :]}"
