"""What else may happen during a refresh, and how it must end: never a 500, never a second use of a refresh token.

Each function leaves the portal signed in and working, and returns a sentence with a figure, or raises Wrong.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence

from bench.race.lines import Line, Volley
from bench.race.rounds import TOKEN, Found, Platform, judge, race, slow_writers
from bench.race.subjects import Portal
from bench.visitor import Response

HEALS_WITHIN = 9.0
"""Seconds from the call of a killed process to the next call: its lease, and a little more."""
AFTERWARDS = 24
"""Requests after an accident."""


class Wrong(Exception):
    """It did not end as it must. The text says how it ended."""


def check(holds: object, words: str) -> None:
    if not holds:
        raise Wrong(words)


def statuses(responses: Sequence[Response]) -> str:
    counted = sorted(Counter(response.status for response in responses).items())
    return ", ".join(f"{count} x {status or 'cut'}" for status, count in counted)


def one_refresh(platform: Platform, portal: Portal, responses: Sequence[Response]) -> Found:
    found = judge(platform, portal, responses)
    check(found.fine, str(found))
    return found


def works_again(platform: Platform, portal: Portal) -> None:
    """The same session on a healthy platform: one refresh for all."""
    platform.server.clear_faults()
    platform.server.clear_requests()
    responses = Volley(portal.urls, portal.cookies, portal.page, AFTERWARDS).go().responses()
    one_refresh(platform, portal, responses)


# --- a slow platform --------------------------------------------------------------------------------------------------


def slow_platform(platform: Platform, portal: Portal, count: int) -> str:
    platform.slow_token_call(4)
    found = race(platform, portal, count, portal.expire)
    check(found.fine, str(found))
    return f"token call of 4 s: slowest answer {found.slowest:.1f} s"


def early(platform: Platform, portal: Portal, count: int) -> str:
    """One request refreshes early while the others continue, although the refresh ends the older access token."""
    platform.slow_token_call()
    found = race(platform, portal, count, portal.make_due)
    check(found.fine, str(found))
    return f"renewed early: slowest answer {found.slowest:.1f} s"


# --- killed processes -------------------------------------------------------------------------------------------------


def _kill_refreshing_process(platform: Platform, portal: Portal, answered: int | None) -> Volley:
    """One request refreshes, eight wait for it; then its process is killed. Returns the eight."""
    refreshing = Volley(portal.urls, portal.cookies, portal.page, 1)
    waiting = Volley(portal.urls, portal.cookies, portal.page, 8)
    platform.server.clear_requests()
    portal.expire()
    refreshing.go()
    platform.until_token_call(answered)
    waiting.go()
    os.kill(refreshing.workers[0], signal.SIGKILL)
    (response,) = refreshing.responses()
    check(response.status == 0, f"the killed process answered {response.status}")
    return waiting


def killed_before_sending(platform: Platform, portal: Portal, count: int) -> str:
    """The platform ignores the call. When the lease of the dead process expires, another refreshes."""
    platform.server.clear_faults()
    platform.server.fault(TOKEN, "drop", delay=20, times=1)
    waiting = _kill_refreshing_process(platform, portal, None)
    responses = Volley(portal.urls, portal.cookies, portal.page, AFTERWARDS).go().responses()
    platform.server.clear_faults()
    check({response.status for response in responses} == {200}, f"after the kill: {statuses(responses)}")
    bystanders = waiting.responses()
    check({response.status for response in bystanders} <= {0, 200}, f"the waiting requests: {statuses(bystanders)}")
    healed = _healed(platform)
    check(platform.is_current(portal.refresh_token()), "the row is stale")
    return f"killed before sending: healed after {healed:.1f} s, {statuses(bystanders)} of the waiting requests"


def killed_before_saving(platform: Platform, portal: Portal, count: int) -> str:
    """The new tokens are lost with the process: every request leads to sign-in, after one attempt to refresh."""
    platform.server.clear_faults()
    platform.server.fault(TOKEN, "drip", delay=20, times=1, apply=True)
    waiting = _kill_refreshing_process(platform, portal, 200)
    responses = Volley(portal.urls, portal.cookies, portal.page, AFTERWARDS, htmx=True).go().responses()
    check(all(response.asks_to_sign_in for response in responses), f"after the kill: {statuses(responses)}")
    bystanders = waiting.responses()
    check({response.status for response in bystanders} <= {0, 302}, f"the waiting requests: {statuses(bystanders)}")
    reused = sum(call["reused"] for call in platform.token_calls())
    check(reused == 1, f"the spent token was tried {reused} times")
    healed = _healed(platform)
    platform.server.clear_faults()
    _sign_in_again(portal)
    return f"killed before saving: all {len(responses)} asked to sign in after {healed:.1f} s"


def _healed(platform: Platform) -> float:
    """Seconds between the call of the killed process and the only other one."""
    started = [call["started"] / 1000 for call in platform.token_calls()]
    check(len(started) == 2, f"{len(started)} calls for a refresh")
    healed = started[1] - started[0]
    check(healed <= HEALS_WITHIN, f"the next call came after {healed:.1f} s")
    return healed


def _sign_in_again(portal: Portal) -> None:
    portal.sign_in()
    line = Line(portal.urls[0], portal.cookies)
    status = line.ask(portal.page).status
    line.close()
    check(status == 200, f"a new session's page: {status}")


# --- signed out meanwhile ---------------------------------------------------------------------------------------------


def signed_out(platform: Platform, portal: Portal, count: int) -> str:
    """The session ends during a refresh, while a slow writer is about to save it. It stays ended."""
    form = portal.sign_out_form()
    platform.slow_token_call(2)
    volley = Volley(portal.urls, portal.cookies, portal.page, 16, htmx=True)
    leaving = Line(portal.urls[-1], portal.cookies)
    with slow_writers(portal, 1) as finish:
        platform.server.clear_requests()
        portal.expire()
        volley.go()
        platform.until_token_call()
        out = leaving.ask("/sign-out/", form=form)
        responses = volley.responses()
        writers = finish()
    later = [leaving.ask("/devices/") for _ in range(2)]
    leaving.close()
    check(out.status == 303, f"signing out: {out.status}")
    everybody = [*responses, *writers, *later]
    check(all(response.asks_to_sign_in for response in everybody), f"after signing out: {statuses(everybody)}")
    check(portal.grants() == [], "the grant is there again")
    check(len(platform.token_calls()) == 1, f"{len(platform.token_calls())} refreshes")
    _sign_in_again(portal)
    return f"signed out in between: all {len(everybody)} asked to sign in"


# --- a platform in trouble --------------------------------------------------------------------------------------------


def platform_fails(platform: Platform, portal: Portal, count: int) -> str:
    return _trouble(platform, portal, "a 500 on refresh", kind="status", status=500, delay=0.4)


def platform_hangs(platform: Platform, portal: Portal, count: int) -> str:
    return _trouble(platform, portal, "no answer to a refresh", kind="drop", delay=8)


def _trouble(platform: Platform, portal: Portal, words: str, *, kind: str, **fault: float) -> str:
    """Every page reports it, the session survives, and the requests do not call the failing endpoint one by one."""
    count = 32
    volley = Volley(portal.urls, portal.cookies, portal.page, count)
    platform.server.clear_faults()
    platform.server.fault(TOKEN, kind, **fault)
    platform.server.clear_requests()
    portal.expire()
    responses = volley.go().responses()
    calls = len(platform.token_calls())
    check({response.status for response in responses} <= {502, 503, 504}, f"{words}: {statuses(responses)}")
    check(calls <= count // 4, f"{words}: {calls} calls for {count} requests")
    check([bool(revoked) for revoked, _ in portal.grants()] == [False], f"{words}: the grant is lost")
    check([lease for _, lease in portal.grants()] == [""], f"{words}: the lease is still held")
    works_again(platform, portal)
    slowest = max(response.seconds for response in responses)
    return f"{words}: {statuses(responses)} after {slowest:.1f} s in {calls} calls, then all right"


ACCIDENTS: dict[str, Callable[[Platform, Portal, int], str]] = {
    "slow": slow_platform,
    "early": early,
    "killed-before-sending": killed_before_sending,
    "killed-before-saving": killed_before_saving,
    "signed-out": signed_out,
    "platform-fails": platform_fails,
    "platform-hangs": platform_hangs,
}
