"""The same question about many devices, a few at a time: the API answers it only for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized

AT_ONCE = 8
"""Calls at the same time for one page. All people of an organization share its 10,000 calls a minute."""

K = TypeVar("K")
V = TypeVar("V")


def ask_each(
    gateway: Gateway, keys: Iterable[K], ask: Callable[[Gateway, K], V], *, at_once: int = AT_ONCE
) -> dict[K, V | GatewayError]:
    """The answer for each key, or the error that came instead, in the order of `keys`.

    `ask` runs in threads: it may use the gateway that it gets and nothing of Django. The gateway's deadline holds for
    all calls together; when it is over, the rest are `TimedOut` without being sent. Raises Unauthorized.
    """
    wanted = list(dict.fromkeys(keys))
    found = _round(gateway, wanted, ask, at_once)
    refused = [key for key, answer in found.items() if isinstance(answer, Unauthorized)]
    if refused:
        # The token ended in between. One call from here gets a new one, or the end of the session.
        first, *rest = refused
        found[first] = _one(gateway, first, ask)
        found |= _round(gateway, rest, ask, at_once)
        asked = found[first]
        for key in refused:
            answer = found[key]
            if isinstance(answer, Unauthorized):
                if isinstance(asked, Unauthorized) or not isinstance(asked, GatewayError):
                    raise answer
                found[key] = asked  # no new token could be had just now: that ends no session
    return found


def ask_together(
    gateway: Gateway, asks: Mapping[str, Callable[[Gateway], Any]], *, within: float | None = None
) -> dict[str, Any | GatewayError]:
    """Several questions of one page at once: each answer by the name of its question, or the error that came instead.

    As `ask_each`. `within`: seconds for all of them together.
    """
    patient = gateway if within is None else gateway.within(within)
    if len(asks) > 1:
        try:
            return ask_each(patient, asks, lambda each, name: asks[name](each), at_once=len(asks))
        except Unauthorized:
            raise
        except GatewayError:
            pass  # no token for the threads; one after the other, each may have an answer that was kept from before
    return _in_turn(patient, asks)


def _in_turn(gateway: Gateway, asks: Mapping[str, Callable[[Gateway], Any]]) -> dict[str, Any | GatewayError]:
    found = {name: _one(gateway, name, lambda each, name: asks[name](each)) for name in asks}
    for answer in found.values():
        if isinstance(answer, Unauthorized):
            raise answer
    return found


def _round(gateway: Gateway, keys: list[K], ask: Callable[[Gateway, K], V], at_once: int) -> dict[K, V | GatewayError]:
    if not keys:
        return {}
    shared = gateway.for_threads()
    with ThreadPoolExecutor(min(at_once, len(keys)), thread_name_prefix="ask-each") as pool:
        return dict(zip(keys, pool.map(lambda key: _one(shared, key, ask), keys), strict=True))


def _one(gateway: Gateway, key: K, ask: Callable[[Gateway, K], V]) -> V | GatewayError:
    try:
        return ask(gateway, key)
    except GatewayError as error:
        return error
