"""How a call to the Platform API is made for one person: access token, guard, response cache, errors."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self, TypeVar

from devices.gateway import decode
from devices.gateway.errors import BadReply, GatewayError, Unauthorized
from devices.gateway.pagination import Page
from devices.gateway.resilience.policy import Kind, PlatformStatus, Policy, Priority
from devices.gateway.response import Reply, failure
from devices.gateway.response_cache import CacheKey, ResponseCache, Stale
from devices.gateway.timeouts import Deadline
from devices.gateway.transport import Query, Transport
from devices.gateway.types import BaseInfo, DeviceDetails

ROOT = "/api/v1/organization"
T = TypeVar("T")
D = TypeVar("D", bound=BaseInfo)
V = TypeVar("V")
AccessToken = Callable[[str | None], str]
"""Gives the current token for None, and another one for a refused token. Raises Unauthorized if it has none."""
Guard = Callable[[str, Mapping[str, object]], None]
"""Gets the operation and what it would send, before anything is sent. Raises a GatewayError to refuse it."""


class RequestState:
    """What all gateways of one portal request record together."""

    def __init__(self) -> None:
        self.changed = False
        self.stale: list[Stale] = []
        self.read_at: dict[str, float] = {}


class BaseClient:
    """What every method of the `Gateway` (client.py) goes through."""

    def __init__(
        self,
        transport: Policy | Transport,
        access_token: AccessToken,
        *,
        request_id: str = "",
        deadline: Deadline | None = None,
        guard: Guard | None = None,
        cache: ResponseCache | None = None,
        priority: Priority = Priority.PERSON,
        person: str = "",
    ) -> None:
        self._transport = transport
        self._access_token = access_token
        self._request_id = request_id
        self._deadline = deadline
        self._guard = guard
        self._cache = cache
        self._priority = priority
        self._person = person
        self._bypass = False
        self._state = RequestState()

    @property
    def changed(self) -> bool:
        """Whether a change was sent that was not plainly refused: it was made, or may have been made."""
        return self._state.changed

    @property
    def stale(self) -> list[Stale]:
        """The stale responses that this request got, because no new ones could be read."""
        return self._state.stale

    def read_at(self, operation: str) -> float | None:
        """When its latest response, cached or not, was requested (seconds since 1970); None if not known."""
        return self._state.read_at.get(operation)

    def last_seen(self, device_id: int, *, within: float = math.inf) -> BaseInfo | None:
        """The device as this session last read it, under `within` seconds ago. No call; others may have changed it."""
        if self._cache is None:
            return None
        query: Query = {"deviceId": device_id}
        brief = self._cache.peek(CacheKey("get_base_info", "/device/baseInfo", query, BaseInfo), within)
        full = self._cache.peek(CacheKey("get_device", "/device", query, DeviceDetails), within)
        found = max(filter(None, (brief, full)), key=lambda response: response.read_at, default=None)
        return None if found is None else found.value

    def for_threads(self) -> Self:
        """For other threads: with the current token. A 401 is final there, as a new token may need the database."""
        token = self._token("", None)

        def fixed(rejected: str | None) -> str:
            if rejected is not None:
                raise Unauthorized
            return token

        return self._with(_access_token=fixed)

    def within(self, seconds: float) -> Self:
        """The same API, for calls that together take no longer than this, nor longer than the page has left."""
        return self._with(_deadline=Deadline(min(seconds, self.left())))

    def left(self) -> float:
        """Seconds that the page has left for its calls; negative when they are over."""
        return math.inf if self._deadline is None else self._deadline.left()

    def fresh(self) -> Self:
        """The same API, bypassing the cache: for what verifies, confirms or precedes a change."""
        return self._with(_bypass=True)

    def with_priority(self, priority: Priority) -> Self:
        """The same API, for calls that matter more or less."""
        return self._with(_priority=priority)

    def platform_status(self) -> PlatformStatus:
        """What is known about the platform, without a call."""
        return self._transport.platform_status() if isinstance(self._transport, Policy) else PlatformStatus()

    def forget(self) -> None:
        """Invalidate the cache, because a change with an unknown outcome has turned out to be made."""
        if self._cache is not None:
            self._cache.invalidate()

    def flush(self) -> None:
        """At the end of the request: write what its threads had to defer."""
        if self._cache is not None:
            self._cache.flush()

    def _with(self, **attributes: Any) -> Self:
        other = copy.copy(self)
        vars(other).update(attributes)
        return other

    def _object(self, operation: str, path: str, query: Query | None, shape: type[T]) -> T:
        key = CacheKey(operation, path, query or {}, shape)
        return self._read(key, lambda reply: decode.one(reply, shape, operation))

    def _device(self, operation: str, path: str, device_id: int, shape: type[D]) -> D:
        """The requested device. Raises BadReply for another device, such as by a mix-up of a proxy."""

        def decoded(reply: Reply) -> D:
            found = decode.one(reply, shape, operation)
            if found.id == device_id:
                return found
            raise BadReply(operation=operation, api_status=200, request_id=self._request_id, detail="another device")

        return self._read(CacheKey(operation, path, {"deviceId": device_id}, shape), decoded)

    def _array(self, operation: str, path: str, query: Query, item: type[T]) -> tuple[T, ...]:
        key = CacheKey(operation, path, query, tuple[item, ...])  # type: ignore[valid-type]
        return self._read(key, lambda reply: decode.many(reply, item, operation))

    def _page(self, operation: str, path: str, query: Query, item: type[T], *, page: int, size: int) -> Page[T]:
        key = CacheKey(operation, path, {**query, "page": page, "size": size}, Page[item])  # type: ignore[valid-type]
        return self._read(key, lambda reply: decode.page(reply, item, page, size, operation))

    def _read(self, key: CacheKey, decoded: Callable[[Reply], V]) -> V:
        def fetch() -> V:
            return decoded(self._send(key.operation, "GET", key.path, key.query))

        if self._cache is None:
            return fetch()
        if self._guard is not None:
            self._guard(key.operation, key.query)
        if self._bypass:
            return self._cache.bypass(key, fetch).value
        wait = None if self._deadline is None else self._deadline.left()
        response = self._cache.read(key, fetch, wait=wait)
        self._state.read_at[key.operation] = response.read_at
        if response.stale:
            self.stale.append(Stale(key.operation, response.read_at, response.why))
        return response.value

    def _write(
        self, operation: str, method: str, path: str, *, query: Query | None = None, body: object = None
    ) -> None:
        decode.nothing(self._change(operation, method, path, query, body), operation)

    def _change(self, operation: str, method: str, path: str, query: Query | None, body: object) -> Reply:
        """Invalidates the cache before the change is sent and after it ended, whatever the outcome."""
        if self._cache is None:
            return self._send(operation, method, path, query, body)
        self._cache.invalidate()
        try:
            return self._send(operation, method, path, query, body)
        finally:
            self._cache.invalidate()

    def _send(self, operation: str, method: str, path: str, query: Query | None = None, body: object = None) -> Reply:
        """The one place that sends. A 401 gets another token and one repeat, of a write too: it was refused."""
        if self._guard is not None:
            self._guard(operation, {**(query or {}), **(body if isinstance(body, Mapping) else {})})
        token = None
        for _ in range(2):
            token = self._token(operation, token)
            try:
                reply = self._call(operation, method, ROOT + path, query, body, token)
            except GatewayError as error:
                self._state.changed |= method != "GET" and error.uncertain
                raise
            if reply.status != Unauthorized.status:
                break
        failed = failure(reply, operation)
        self._state.changed |= method != "GET" and (failed is None or failed.uncertain)
        if failed is not None:
            raise failed
        return reply

    def _call(self, operation: str, method: str, path: str, query: Query | None, body: object, token: str) -> Reply:
        send: Callable[..., Reply]
        if isinstance(self._transport, Policy):
            kind: Kind = "read" if method == "GET" else "write"
            send = partial(self._transport.send, kind=kind, priority=self._priority, person=self._person)
        else:
            send = partial(self._transport.send, to_the_end=method != "GET")
        return send(
            method,
            path,
            query=query,
            json=body,
            bearer=token,
            request_id=self._request_id,
            deadline=self._deadline,
            operation=operation,
        )

    def _token(self, operation: str, rejected: str | None) -> str:
        try:
            return self._access_token(rejected)
        except GatewayError as error:  # from the token endpoint, which knows neither operation nor request
            error.operation = error.operation or operation
            error.request_id = error.request_id or self._request_id
            error.sent = False  # the call itself was not sent, or was refused with the token
            raise
