"""One valid access token for a session under concurrency."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from devices.gateway.errors import OutOfTime, ServerFault, TimedOut, Unauthorized, Unreachable
from devices.gateway.timeouts import Deadline
from portal.auth import crypto, grants, oauth
from portal.auth.crypto import Secret, Tokens
from portal.auth.models import ApiGrant
from tests.portal.auth.token_endpoint import PERSON, TokenEndpoint, expire, row_of


def stored(handle: str) -> Tokens:
    row = grants.read(handle)
    assert row
    return grants._decrypt(row)


def test_a_good_token_costs_no_call_and_with_its_row_no_query(
    handle: str, endpoint: TokenEndpoint, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        row = grants.read(handle)
    assert row
    with django_assert_num_queries(0):
        assert grants.TokenSource(row)(None) == "access-0"
    assert endpoint.calls == 0


def test_an_expired_token_is_renewed_and_saved_before_anybody_uses_it(handle: str, endpoint: TokenEndpoint) -> None:
    expire(handle)
    assert grants.token_for(handle) == "access-1"
    tokens = stored(handle)
    assert tokens.access.reveal() == "access-1"
    assert tokens.refresh
    assert tokens.refresh.matches(endpoint.current)
    assert (row_of(handle).version, row_of(handle).lease_by) == (2, "")


def test_a_refused_token_is_renewed_although_its_time_is_not_over(handle: str, endpoint: TokenEndpoint) -> None:
    assert grants.token_for(handle, "access-0") == "access-1"
    assert grants.token_for(handle, "access-0") == "access-1", "whoever comes late with the old one gets the new one"
    assert endpoint.calls == 1


def test_no_new_refresh_token_means_the_old_one_stays(handle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "refresh", lambda token, seconds: Tokens(Secret("access-x"), None, 60.0))
    expire(handle)
    assert grants.token_for(handle) == "access-x"
    tokens = stored(handle)
    assert tokens.refresh
    assert tokens.refresh.reveal() == "refresh-0"


def test_without_a_refresh_token_an_expired_grant_ends(db: None, endpoint: TokenEndpoint) -> None:
    handle = grants.open_grant(Tokens(Secret("access-0"), None, 3600.0), PERSON)
    expire(handle)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)
    assert grants.read(handle) is None


def test_a_refused_refresh_token_ends_the_grant(handle: str, endpoint: TokenEndpoint) -> None:
    endpoint.current = "somebody else used it"
    expire(handle)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)
    assert row_of(handle).revoked
    with pytest.raises(Unauthorized):
        grants.token_for(handle)
    assert endpoint.calls == 1, "a lost grant is not tried again"


@pytest.mark.parametrize("fault", [ServerFault(), TimedOut(), Unreachable(), oauth.ClientRefused()])
def test_a_failing_token_endpoint_loses_nothing(handle: str, endpoint: TokenEndpoint, fault: Exception) -> None:
    expire(handle)
    endpoint.fault = fault
    with pytest.raises(type(fault)):
        grants.token_for(handle)
    assert not row_of(handle).revoked
    endpoint.fault = None
    assert grants.token_for(handle) == "access-2"


def test_signing_out_during_a_refresh_is_not_undone_by_it(handle: str, endpoint: TokenEndpoint) -> None:
    expire(handle)
    endpoint.on_call = lambda: grants.close_grant(handle)
    with pytest.raises(Unauthorized):
        grants.token_for(handle)
    assert not ApiGrant.objects.exists()


def test_a_refresh_that_ends_late_does_not_overwrite_newer_tokens(handle: str, endpoint: TokenEndpoint) -> None:
    """The lease expired while the machine stalled, and another request has refreshed in the meantime."""
    expire(handle)
    newest = Tokens(Secret("access-newest"), Secret("refresh-newest"), 3600.0)

    def overtaken() -> None:
        ApiGrant.objects.update(
            blob=crypto.seal(newest, handle, PERSON.id),
            version=2,
            expires_at=time.time() + 99,
            refresh_at=time.time() + 9,
        )

    endpoint.on_call = overtaken
    assert grants.token_for(handle) == "access-newest"
    assert row_of(handle).version == 2


# --- early refresh ----------------------------------------------------------------------------------------------------


def nearly_expired(handle: str) -> None:
    ApiGrant.objects.filter(handle=handle).update(refresh_at=time.time() - 1)


@pytest.mark.parametrize(("expires_in", "early"), [(86_400.0, 300.0), (600.0, 120.0), (60.0, 12.0)])
def test_tokens_are_renewed_a_fifth_of_their_life_before_the_end_but_at_most_five_minutes(
    db: None, expires_in: float, early: float
) -> None:
    row = row_of(grants.open_grant(Tokens(Secret("a"), Secret("r"), expires_in), PERSON))
    assert row.expires_at - row.refresh_at == pytest.approx(early, abs=0.01)
    assert row.expires_at == pytest.approx(time.time() + expires_in, abs=5)


def test_while_one_renews_early_the_others_go_on_with_the_present_token(handle: str, endpoint: TokenEndpoint) -> None:
    nearly_expired(handle)
    seen: list[str] = []
    endpoint.on_call = lambda: seen.append(grants.token_for(handle))
    assert grants.token_for(handle) == "access-1"
    assert seen == ["access-0"]
    assert endpoint.calls == 1


def test_a_failed_early_refresh_disturbs_nobody_and_is_not_tried_by_everybody(
    handle: str, endpoint: TokenEndpoint
) -> None:
    nearly_expired(handle)
    endpoint.fault = TimedOut()
    assert [grants.token_for(handle) for _ in range(5)] == ["access-0"] * 5
    assert endpoint.calls == 1


# --- leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_outlasts_the_token_call_it_covers() -> None:
    assert grants.REFRESH_LEASE > grants.REFRESH_TIMEOUT
    assert grants.MAX_WAIT > grants.REFRESH_LEASE + grants.REFRESH_TIMEOUT


def test_a_start_with_too_short_a_lease_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured

    monkeypatch.setattr(grants, "REFRESH_LEASE", grants.REFRESH_TIMEOUT)
    with pytest.raises(ImproperlyConfigured):
        apps.get_app_config("portal_auth").ready()


def test_the_lease_of_a_dead_process_is_taken_over(handle: str, endpoint: TokenEndpoint) -> None:
    expire(handle)
    ApiGrant.objects.update(lease_by="a process that was killed", lease_until=time.time() + 0.2)
    assert grants.token_for(handle) == "access-1"
    assert endpoint.calls == 1


def test_nobody_waits_for_ever_for_somebody_elses_refresh(
    handle: str, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "MAX_WAIT", 0.1)
    expire(handle)
    ApiGrant.objects.update(lease_by="somebody", lease_until=time.time() + 60)
    with pytest.raises(TimedOut):
        grants.token_for(handle)
    assert endpoint.calls == 0


def test_the_page_bounds_the_waiting_for_somebody_elses_refresh(handle: str, endpoint: TokenEndpoint) -> None:
    expire(handle)
    ApiGrant.objects.update(lease_by="somebody", lease_until=time.time() + 60)
    row = grants.read(handle)
    assert row
    with pytest.raises(TimedOut):
        grants.TokenSource(row, Deadline(0.1))()


def test_no_renewal_begins_that_could_end_after_its_page(handle: str, endpoint: TokenEndpoint) -> None:
    over = Deadline(0.0)
    ApiGrant.objects.update(refresh_at=0.0)
    row = grants.read(handle)
    assert row
    assert grants.TokenSource(row, Deadline(6), over)() == "access-0", "a token that still works does"
    expire(handle)
    row = grants.read(handle)
    assert row
    with pytest.raises(OutOfTime) as caught:
        grants.TokenSource(row, Deadline(6), over)()
    assert (caught.value.sent, endpoint.calls) == (False, 0)
    assert grants.TokenSource(row, Deadline(6), Deadline(1))() == "access-1"


@pytest.mark.parametrize("ahead", [-30.0, 30.0], ids=["behind", "ahead"])
def test_a_host_whose_clock_is_wrong_leaves_the_others_their_leases(
    handle: str, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    expire(handle)
    real, row = time.time, grants.read(handle)
    assert row
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
    assert grants._acquire_lease(row), "nobody has it"
    assert row_of(handle).lease_until == pytest.approx(real() + grants.REFRESH_LEASE, abs=2)
    assert not grants._acquire_lease(row), "it is held, by the clock that all share"


# --- the race ---------------------------------------------------------------------------------------------------------


def naive(handle: str, rejected: str | None = None) -> str:
    """A naive read, refresh, save. It shows that the race test below would catch it."""
    row = grants.read(handle)
    assert row
    tokens = grants._decrypt(row)
    if rejected is None and time.time() < row.expires_at:
        return tokens.access.reveal()
    assert tokens.refresh
    fresh = oauth.refresh(tokens.refresh, seconds=6)
    ApiGrant.objects.filter(handle=handle).update(
        blob=crypto.seal(fresh, handle, row.user), expires_at=time.time() + fresh.expires_in
    )
    return fresh.access.reveal()


def race(function: Callable[..., str], handle: str, rejected: str | None, threads: int = 16) -> list[str]:
    """Tokens, or names of errors, of concurrent requests."""
    gate = threading.Barrier(threads)

    def request(_: int) -> str:
        try:
            gate.wait(timeout=20)
            return function(handle, rejected)
        except Exception as error:  # noqa: BLE001 - whatever a request would end in
            return type(error).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(request, range(threads)))


@pytest.fixture
def slow(endpoint: TokenEndpoint) -> Iterator[TokenEndpoint]:
    endpoint.delay = 0.4
    yield endpoint
    assert connection.in_atomic_block is False, "the race needs real transactions"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False], ids=["expired by time", "expired upstream only"])
def test_sixteen_requests_at_once_spend_one_refresh_token(slow: TokenEndpoint, known: bool) -> None:
    handle = grants.open_grant(slow.tokens(), PERSON)
    if known:
        expire(handle)
    answers = race(grants.token_for, handle, None if known else "access-0")
    assert answers == ["access-1"] * 16
    assert (slow.calls, slow.reused) == (1, 0)
    tokens = stored(handle)
    assert tokens.refresh
    assert tokens.refresh.matches(slow.current), "the row holds the platform's newest"


@pytest.mark.django_db(transaction=True)
def test_the_race_would_catch_a_naive_refresh(slow: TokenEndpoint) -> None:
    handle = grants.open_grant(slow.tokens(), PERSON)
    expire(handle)
    race(naive, handle, None)
    assert slow.reused > 0


@pytest.mark.django_db(transaction=True)
def test_when_the_one_refresh_fails_those_who_waited_do_not_try_in_turn(
    slow: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = grants.open_grant(slow.tokens(), PERSON)
    expire(handle)
    release, reads_by_thread, read = threading.Event(), Counter[int](), grants.read

    def counted(handle: str) -> grants.GrantRow | None:
        """Fail the call after all others have read the row three times: by then they wait for it."""
        row = read(handle)
        reads_by_thread[threading.get_ident()] += 1
        if sum(count > 2 for count in reads_by_thread.values()) == 7:
            release.set()
        return row

    def failing(token: Secret, *, seconds: float) -> Tokens:
        slow.calls += 1
        assert release.wait(timeout=10)
        raise ServerFault()

    monkeypatch.setattr(oauth, "refresh", failing)
    monkeypatch.setattr(grants, "read", counted)
    answers = race(grants.token_for, handle, None, threads=8)
    assert sorted(set(answers)) == ["ServerFault", "Unreachable"]
    assert slow.calls == 1
    assert not row_of(handle).revoked
