"""The same call for many devices, a few at a time: the API answers it for one device only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized

MAX_CONCURRENCY = 8
"""Concurrent calls for one page. All users of an organization share its 10,000 calls a minute."""

K = TypeVar("K")
V = TypeVar("V")


def fan_out(
    gateway: Gateway, keys: Iterable[K], call: Callable[[Gateway, K], V], *, concurrency: int = MAX_CONCURRENCY
) -> dict[K, V | GatewayError]:
    """The result for each key, or its error, in the order of `keys`.

    `call` runs in threads: it may use its gateway and nothing of Django. The gateway's deadline covers all calls
    together; after it, the rest are `TimedOut` without being sent. Raises Unauthorized.
    """
    wanted = list(dict.fromkeys(keys))
    found = _run(gateway, wanted, call, concurrency)
    refused = [key for key, result in found.items() if isinstance(result, Unauthorized)]
    if refused:
        # The token expired meanwhile. One call from this thread gets a new one, or ends the session.
        first, *rest = refused
        found[first] = _one(gateway, first, call)
        found |= _run(gateway, rest, call, concurrency)
        retried = found[first]
        for key in refused:
            result = found[key]
            if isinstance(result, Unauthorized):
                if isinstance(retried, Unauthorized) or not isinstance(retried, GatewayError):
                    raise result
                found[key] = retried  # no new token could be fetched right now: that does not end the session
    return found


def fan_out_named(
    gateway: Gateway, calls: Mapping[str, Callable[[Gateway], Any]], *, timeout: float | None = None
) -> dict[str, Any | GatewayError]:
    """Several calls in parallel, as `fan_out`: each result, or error, by name. `timeout`: seconds for all together."""
    limited = gateway if timeout is None else gateway.within(timeout)
    if len(calls) > 1:
        try:
            return fan_out(limited, calls, lambda each, name: calls[name](each), concurrency=len(calls))
        except Unauthorized:
            raise
        except GatewayError:
            pass  # no token for the threads; one after the other, each may still find a cached response
    found = {name: _one(limited, name, lambda each, name: calls[name](each)) for name in calls}
    for result in found.values():
        if isinstance(result, Unauthorized):
            raise result
    return found


def _run(
    gateway: Gateway, keys: list[K], call: Callable[[Gateway, K], V], concurrency: int
) -> dict[K, V | GatewayError]:
    if not keys:
        return {}
    shared = gateway.for_threads()
    with ThreadPoolExecutor(min(concurrency, len(keys)), thread_name_prefix="fan-out") as pool:
        return dict(zip(keys, pool.map(lambda key: _one(shared, key, call), keys), strict=True))


def _one(gateway: Gateway, key: K, call: Callable[[Gateway, K], V]) -> V | GatewayError:
    try:
        return call(gateway, key)
    except GatewayError as error:
        return error
