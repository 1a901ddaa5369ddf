"""How a call to the Platform API is made in the name of one person: token, guard, kept answers, errors."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Self, TypeVar

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
"""Gives the current token for None, another one for a token that was refused; raises Unauthorized if there is none."""
Guard = Callable[[str, Mapping[str, object]], None]
"""Told the operation and what it would send, before anything is sent; raises a GatewayError to refuse it."""


class _Told:
    """What the gateways of one request tell together."""

    def __init__(self) -> None:
        self.changed = False
        self.stale: list[Stale] = []
        self.read_at: dict[str, float] = {}


class BaseClient:
    """What every method of the `Gateway` (api.py) goes through."""

    def __init__(
        self,
        transport: Policy | Transport,
        access_token: AccessToken,
        *,
        request_id: str = "",
        deadline: Deadline | None = None,
        guard: Guard | None = None,
        answers: ResponseCache | None = None,
        priority: Priority = Priority.PERSON,
        person: str = "",
    ) -> None:
        self._transport = transport
        self._access_token = access_token
        self._request_id = request_id
        self._deadline = deadline
        self._guard = guard
        self._answers = answers
        self._asker = priority
        self._person = person
        self._fresh = False
        self._told = _Told()

    @property
    def changed(self) -> bool:
        """Whether a change was sent that was not plainly refused: made, or perhaps made."""
        return self._told.changed

    @property
    def stale(self) -> list[Stale]:
        """What this request got as old answers, because no new ones could be read."""
        return self._told.stale

    def read_at(self, operation: str) -> float | None:
        """When its latest answer, kept or not, was asked for (seconds since 1970); None where nothing tells."""
        return self._told.read_at.get(operation)

    def last_seen(self, device_id: int, *, within: float = math.inf) -> BaseInfo | None:
        """The device as this session last read it, if that is kept and less than `within` seconds old: no call. Others
        may have changed it since, this person has not."""
        if self._answers is None:
            return None
        query: Query = {"deviceId": device_id}
        brief = self._answers.kept(CacheKey("get_base_info", "/device/baseInfo", query, BaseInfo), within)
        whole = self._answers.kept(CacheKey("get_device", "/device", query, DeviceDetails), within)
        found = max(filter(None, (brief, whole)), key=lambda answer: answer.asked_at, default=None)
        return None if found is None else found.value

    def for_threads(self) -> Self:
        """The same API with the token of now, for calls in threads of their own; there a 401 is final.

        Asking for a token may touch a database, whose connections belong to the thread that serves the request.
        """
        token = self._token("", None)

        def fixed(rejected: str | None) -> str:
            if rejected is not None:
                raise Unauthorized
            return token

        return self._again(fixed, self._deadline)

    def within(self, seconds: float) -> Self:
        """The same API, whose calls together take no longer than this, nor longer than the page has left."""
        left = seconds if self._deadline is None else min(seconds, self._deadline.left())
        return self._again(self._access_token, Deadline(left))

    def left(self) -> float:
        """Seconds that the page has for all its waiting; negative when they are over."""
        return math.inf if self._deadline is None else self._deadline.left()

    def fresh(self) -> Self:
        """The same API, every answer from the platform itself: for what proves, confirms or precedes a change."""
        again = copy.copy(self)
        again._fresh = True
        return again

    def with_priority(self, priority: Priority) -> Self:
        """The same API for calls that matter less, or more, than those of this one."""
        again = copy.copy(self)
        again._asker = priority
        return again

    def platform_status(self) -> PlatformStatus:
        """How the platform stands, without asking it."""
        return self._transport.platform_status() if isinstance(self._transport, Policy) else PlatformStatus()

    def forget(self) -> None:
        """A change that was open has turned out to be made: nothing about devices from before is given any more."""
        if self._answers is not None:
            self._answers.changed()

    def settle(self) -> None:
        """The request is over: what its threads had to leave undone is done."""
        if self._answers is not None:
            self._answers.settle()

    def _again(self, access_token: AccessToken, deadline: Deadline | None) -> Self:
        again = copy.copy(self)
        again._access_token = access_token
        again._deadline = deadline
        return again

    def _object(self, operation: str, path: str, query: Query | None, shape: type[T]) -> T:
        question = CacheKey(operation, path, query or {}, shape)
        return self._read(question, lambda reply: decode.one(reply, shape, operation))

    def _device(self, operation: str, path: str, device_id: int, shape: type[D]) -> D:
        """The device asked for. One of another id, by a mix-up on the way, is no answer."""

        def decoded(reply: Reply) -> D:
            found = decode.one(reply, shape, operation)
            if found.id == device_id:
                return found
            raise BadReply(operation=operation, api_status=200, request_id=self._request_id, detail="another device")

        return self._read(CacheKey(operation, path, {"deviceId": device_id}, shape), decoded)

    def _array(self, operation: str, path: str, query: Query, item: type[T]) -> tuple[T, ...]:
        question = CacheKey(operation, path, query, tuple[item, ...])  # type: ignore[valid-type]
        return self._read(question, lambda reply: decode.many(reply, item, operation))

    def _page(self, operation: str, path: str, query: Query, item: type[T], *, page: int, size: int) -> Page[T]:
        question = CacheKey(operation, path, {**query, "page": page, "size": size}, Page[item])  # type: ignore[valid-type]
        return self._read(question, lambda reply: decode.page(reply, item, page, size, operation))

    def _read(self, question: CacheKey, decoded: Callable[[Reply], V]) -> V:
        operation, path, query, _shape = question

        def ask() -> V:
            return decoded(self._send(operation, "GET", path, query))

        if self._answers is None:
            return ask()
        if self._guard is not None:
            self._guard(operation, query)
        if self._fresh:
            return self._answers.anew(question, ask).value
        wait = None if self._deadline is None else self._deadline.left()
        answer = self._answers.read(question, ask, wait=wait)
        self._told.read_at[operation] = answer.asked_at
        if answer.old:
            self.stale.append(Stale(operation, answer.asked_at, answer.why))
        return answer.value

    def _write(
        self, operation: str, method: str, path: str, *, query: Query | None = None, body: object = None
    ) -> None:
        decode.nothing(self._change(operation, method, path, query, body), operation)

    def _change(self, operation: str, method: str, path: str, query: Query | None, body: object) -> Reply:
        """Before it is sent and after it ended, however it did, what was kept about devices is too old."""
        if self._answers is None:
            return self._send(operation, method, path, query, body)
        self._answers.changed()
        try:
            return self._send(operation, method, path, query, body)
        finally:
            self._answers.changed()

    def _send(self, operation: str, method: str, path: str, query: Query | None = None, body: object = None) -> Reply:
        """The one place that sends: a success, or the error it stands for.

        A 401 asks for another token and repeats the call once, also a write: it was refused before it was done.
        """
        if self._guard is not None:
            self._guard(operation, {**(query or {}), **(body if isinstance(body, Mapping) else {})})
        token = None
        for _ in range(2):
            token = self._token(operation, token)
            try:
                reply = self._call(operation, method, ROOT + path, query, body, token)
            except GatewayError as broken:
                self._told.changed |= method != "GET" and broken.uncertain
                raise
            if reply.status != Unauthorized.status:
                break
        error = failure(reply, operation)
        self._told.changed |= method != "GET" and (error is None or error.uncertain)
        if error is not None:
            raise error
        return reply

    def _call(self, operation: str, method: str, path: str, query: Query | None, body: object, token: str) -> Reply:
        send: Callable[..., Reply]
        if isinstance(self._transport, Policy):
            kind: Kind = "read" if method == "GET" else "write"
            send = partial(self._transport.send, kind=kind, priority=self._asker, person=self._person)
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
        except GatewayError as error:  # from the token endpoint, which does not know what it was asked for
            error.operation = error.operation or operation
            error.request_id = error.request_id or self._request_id
            error.sent = False  # what was asked for has not been sent, or was refused with the token
            raise
