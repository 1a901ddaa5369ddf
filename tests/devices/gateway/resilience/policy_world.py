"""A policy whose time, chance and API are in the test's hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.gateway.errors import GatewayError, RateLimited
from devices.gateway.resilience.policy import Limits, Policy, Priority
from devices.gateway.resilience.shared_state import MemorySharedState
from devices.gateway.response import Reply
from devices.gateway.timeouts import Deadline, Timeouts

PERSON, POLL, JOB = Priority.PERSON, Priority.POLL, Priority.JOB
OK = Reply(200, b"{}", "application/json")
Answer = Reply | GatewayError | Callable[[], Reply]


class World:
    """The clock, and an API that gives `answers` in turn, the last one for ever."""

    base_url = "https://api.example"
    allowed_hosts = ("api.example",)
    timeouts = Timeouts()

    def __init__(self, *answers: Answer) -> None:
        self.now = 1000.0
        self.answers: list[Answer] = list(answers) or [OK]
        self.sent: list[float] = []
        self.slept: list[float] = []
        self.chance = 0.5

    def send(self, method: str, path: str, **asked: Any) -> Reply:
        self.sent.append(self.now)
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


def read(policy: Policy, priority: Priority = PERSON, **more: Any) -> Reply:
    return policy.send("GET", "/device", kind="read", priority=priority, **more)


def write(policy: Policy, method: str = "POST", **more: Any) -> Reply:
    return policy.send(method, "/device", kind="write", **more)


def token(policy: Policy) -> Reply:
    return policy.send("POST", "/oauth2/token", kind="token")


def status(code: int, retry_after: float | None = None) -> Reply:
    return Reply(code, b"", retry_after=retry_after)


def refusals(policy: Policy, priority: Priority, times: int) -> int:
    refused = 0
    for _ in range(times):
        try:
            read(policy, priority)
        except RateLimited as error:
            refused += not error.sent and 0 < (error.retry_after or 0) <= 62
    return refused
