"""Checks one call against `docs/openapi.yaml` and describes each violation in a sentence.

openapi-core checks parameters, bodies, headers and status codes. Added are three rules: nothing undeclared is sent,
values are spelled as JSON spells them, and a body may be missing only where the contract marks the response with
`x-empty-body`.
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
"""Statuses of the HTTP server, before the API sees the request."""
SPELLING = {"integer": re.compile(r"-?[0-9]+"), "boolean": re.compile(r"true|false")}


@dataclass(frozen=True)
class Call:
    """A request on the wire. `query` holds repeated names; `headers` only those that are checked, and of credentials
    only their scheme, so that equal calls are checked once."""

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
        checked = _checked(headers, "authorization", "content-type")
        kinds = tuple((name, f"{value.split()[0]} -" if name == "authorization" else value) for name, value in checked)
        return cls(method.upper(), parts.path, query, kinds, raw)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """A response on the wire, its body decompressed; `headers` only those that are checked."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        return cls(status, _checked(headers, "content-type", "location", "retry-after"), body)


def _checked(headers: Mapping[str, str], *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in headers.items() if name.lower() in names and value)


class _OpenAPIRequest:
    """A request as openapi-core reads it."""

    host_url = "http://sandbox"
    path_pattern = None

    def __init__(self, call: Call) -> None:
        headers = Headers(call.headers)
        self.method = call.method.lower()
        self.path = call.path
        self.body = call.body
        self.content_type = headers.get("Content-Type", "application/json")
        self.parameters = RequestParameters(path={}, query=ImmutableMultiDict(call.query), header=headers)


class _OpenAPIResponse:
    """A response as openapi-core reads it."""

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self.data = response.body
        self.headers = Headers(response.headers)
        self.content_type = self.headers.get("Content-Type", "")


class _Finder(BasePathFinder):
    """Finds an operation by one lookup: no path has a variable part, and the host does not matter."""

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
    """The contract. `operations` maps (METHOD, path) to the operation with all references resolved."""

    def __init__(self, file: Path = FILE) -> None:
        with file.open("rb") as stream:
            raw = yaml.load(stream, Loader=yaml.CSafeLoader)
        # A resolved schema is checked almost twice as fast as one with references.
        self.document: dict[str, Any] = _resolved(raw, raw)
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
        self.response_violations = lru_cache(2048)(self._response_violations)

    def path_of(self, name: str) -> str:
        """The path of the operation with this id, without the common path."""
        return next(path for (_, path), it in self.operations.items() if it["operationId"] == name).removeprefix(ROOT)

    def call_of(self, name: str) -> tuple[str, str]:
        """Verb and path of the operation with this id, without the common path."""
        found = next(call for call, operation in self.operations.items() if operation["operationId"] == name)
        return found[0], found[1].removeprefix(ROOT)

    def reads_of_a_device(self) -> dict[str, set[str]]:
        """Ids of the operations that read one device and require only its id -> their parameters."""
        found = {}
        for (verb, _), operation in self.operations.items():
            parameters = operation.get("parameters", ())
            if verb == "GET" and {item["name"] for item in parameters if item.get("required")} == {"deviceId"}:
                found[operation["operationId"]] = {item["name"] for item in parameters}
        return found

    def operation(self, call: Call) -> dict[str, Any] | None:
        return self.operations.get((call.method, call.path))

    def _request_violations(self, call: Call) -> tuple[str, ...]:
        """The violations of the call."""
        operation = self.operation(call)
        if operation is None:
            return (f"{call}: the contract has no such operation",)
        found = [*_undeclared(operation, call), *_in_words(self._requests.iter_errors(_OpenAPIRequest(call)))]
        return tuple(f"{call}: {words}" for words in found)

    def _response_violations(self, call: Call, response: Response) -> tuple[str, ...]:
        """The violations of the response to the call. The call itself may be wrong."""
        operation = self.operation(call)
        if response.status in TOO_LARGE:
            return ()
        if operation is None:
            if 400 <= response.status < 500:
                return ()
            return (f"{call}: status {response.status}, but the contract has no such operation",)
        responses = operation["responses"]
        declared = responses.get(str(response.status)) or responses.get(f"{response.status // 100}XX")
        if declared is not None and not response.body and declared.get("x-empty-body"):
            declared = {**declared, "content": None}
        found: list[str]
        if declared is not None and not declared.get("content"):
            found = ["a body where the contract has none"] if response.body else []
            if "headers" in declared and not response.body:
                found += _missing_headers(declared["headers"], response)
        else:
            found = list(_in_words(self._responses.iter_errors(_OpenAPIRequest(call), _OpenAPIResponse(response))))
        return tuple(f"{call}: response {response.status}: {words}" for words in found)


@cache
def contract() -> Contract:
    """The contract of the repository."""
    return Contract()


def _resolved(node: Any, root: dict[str, Any]) -> Any:
    """Copy `node` with each reference replaced by its target; sibling members win. No schema is recursive."""
    if isinstance(node, list):
        return [_resolved(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved({**target, **{key: value for key, value in node.items() if key != "$ref"}}, root)
    return {key: _resolved(value, root) for key, value in node.items()}


def sample(schema: dict[str, Any]) -> Any:
    """A value with every member of the schema: its example, or one for the type."""
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
    """Unknown names, repeated names, wrong spellings, bodies where the contract has none."""
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
    """Top-level names in a body; none if it cannot be read, which openapi-core reports."""
    if media == "application/x-www-form-urlencoded":
        return {name for name, _ in parse_qsl(body.decode("latin-1"), keep_blank_values=True)}
    try:
        value = json.loads(body)
    except ValueError:
        return set()
    return set(value) if isinstance(value, dict) else set()


def _missing_headers(headers: dict[str, Any], response: Response) -> list[str]:
    present = {name for name, _ in response.headers}
    return [
        f"the header {name} is missing"
        for name, header in headers.items()
        if header.get("required") and name.lower() not in present
    ]


def _in_words(errors: Iterator[Exception]) -> Iterator[str]:
    """Each error of openapi-core as a sentence with its place."""
    for error in errors:
        cause = error.__cause__
        for inner in getattr(cause, "schema_errors", None) or (cause or error,):
            if isinstance(inner, ValidationError):
                # Of alternatives that all fail, the nearest one explains most.
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
