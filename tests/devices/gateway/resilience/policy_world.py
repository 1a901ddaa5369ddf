"""A policy with injected clock, sleep, randomness and API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devices.gateway.errors import ConcurrencyExceeded, GatewayError, RateLimited
from devices.gateway.resilience.policy import Limits, Policy, Priority
from devices.gateway.response import Reply
from devices.gateway.timeouts import Deadline, Timeouts

PERSON, POLL, JOB = Priority.PERSON, Priority.POLL, Priority.JOB
OK = Reply(200, b"{}", "application/json")
Answer = Reply | GatewayError | Callable[[], Reply]


class MemorySharedState:
    """For several policies in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[str, tuple[int, float]] = {}

    def stored_keys(self) -> list[str]:
        return list(self._values)

    def _get(self, key: str) -> int | None:
        value, expires = self._values.get(key, (0, 0.0))
        if self._clock() < expires:
            return value
        self._values.pop(key, None)
        return None

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        old = self._get(key)
        expires = self._clock() + ttl if old is None else self._values[key][1]
        self._values[key] = ((old or 0) + by, expires)
        return self._values[key][0]

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        return {key: value for key in keys if (value := self._get(key)) is not None}

    def set(self, key: str, value: int, ttl: float) -> None:
        self._values[key] = (value, self._clock() + ttl)

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        if self._get(key) is not None:
            return False
        self._values[key] = (value, self._clock() + ttl)
        return True

    def delete(self, key: str) -> None:
        self._values.pop(key, None)

    def now(self) -> float | None:
        return None


class World:
    """The clock, and an API that gives `answers` in turn, the last one again and again."""

    base_url = "https://api.example"
    allowed_hosts = ("api.example",)
    timeouts = Timeouts()

    def __init__(self, *answers: Answer) -> None:
        self.now = 1000.0
        self.answers: list[Answer] = list(answers) or [OK]
        self.sent: list[float] = []
        self.operations: list[str] = []
        self.slept: list[float] = []
        self.chance = 0.5

    def send(self, method: str, path: str, **arguments: Any) -> Reply:
        self.sent.append(self.now)
        self.operations.append(arguments["operation"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            return answer()
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def policy(self, store: MemorySharedState | None = None, *, off: float = 0.0, **limits: Any) -> Policy:
        """`off`: seconds that this host's clock is ahead of the others'."""
        return Policy(
            self,  # type: ignore[arg-type]
            limits=Limits(**limits),
            store=store,
            clock=lambda: self.now,
            wall=lambda: self.now + 1.7e9 + off,
            sleep=self.sleep,
            random=lambda: self.chance,
        )

    def deadline(self, seconds: float = 20.0) -> Deadline:
        return Deadline(seconds, clock=lambda: self.now)

    def slow(self, seconds: float, answer: Reply | GatewayError) -> Callable[[], Reply]:
        def answered() -> Reply:
            self.now += seconds
            if isinstance(answer, GatewayError):
                raise answer
            return answer

        return answered


class SlowWorld(World):
    """Each call waits until the gate opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        super().__init__(lambda: (self.gate.wait(20), OK)[1])
        self.threads: list[threading.Thread] = []
        self.results: list[str] = []
        """Of the calls that ended: the person, or the name of the error."""

    def start(self, policy: Policy, person: str, count: int, priority: Priority = PERSON) -> None:
        def call() -> None:
            try:
                read(policy, priority, person=person, operation=person)
            except ConcurrencyExceeded as refused:
                self.results.append(type(refused).__name__)
            else:
                self.results.append(person)

        for _ in range(count):
            thread = threading.Thread(target=call)
            self.threads.append(thread)
            thread.start()

    def end(self) -> None:
        self.gate.set()
        for thread in self.threads:
            thread.join(20)


def wait_until(condition: Callable[[], bool]) -> None:
    """For what other threads do within a moment."""
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.002)


def read(policy: Policy, priority: Priority = PERSON, **more: Any) -> Reply:
    return policy.send("GET", "/device", kind="read", priority=priority, **more)


def write(policy: Policy, method: str = "POST", **more: Any) -> Reply:
    return policy.send(method, "/device", kind="write", **more)


def token(policy: Policy) -> Reply:
    return policy.send("POST", "/oauth2/token", kind="token")


def status(code: int, retry_after: float | None = None) -> Reply:
    return Reply(code, b"", retry_after=retry_after)


def refusals(policy: Policy, priority: Priority, times: int) -> int:
    """How many of so many reads the policy refused by its rate limit."""
    refused = 0
    for _ in range(times):
        try:
            read(policy, priority)
        except RateLimited as error:
            refused += not error.sent and 0 < (error.retry_after or 0) <= 62
    return refused
