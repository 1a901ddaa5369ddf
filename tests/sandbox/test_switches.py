"""Each switch in its other position. The other tests cover the defaults."""

from __future__ import annotations

import time
from typing import Any

from sandbox import seed_cases as cases
from sandbox.switches import SWITCHES
from tests.servers import SandboxServer

TESTED: set[str] = set()


def switch(name: str) -> Any:
    """Marks a test as covering these switches."""
    TESTED.add(name)
    return lambda test: test


def sign_in(sandbox: SandboxServer, **params: str) -> Any:
    return sandbox.grant("user_credentials", password="demo", **params)


def bearer(sandbox: SandboxServer, token: str) -> int:
    return sandbox.call("GET", "/profile", None, headers={"Authorization": f"Bearer {token}"}).status_code


@switch("sign_in_name")
def test_only_one_name_for_the_e_mail(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(sign_in_name="email")
    assert sign_in(fresh_sandbox, username="admin@example.com").json()["error"] == "invalid_request"
    assert sign_in(fresh_sandbox, email="admin@example.com").status_code == 200
    fresh_sandbox.switch(sign_in_name="username")
    assert sign_in(fresh_sandbox, email="admin@example.com").json()["error"] == "invalid_request"


@switch("token_parameters")
def test_only_one_place_for_token_parameters(fresh_sandbox: SandboxServer) -> None:
    auth = (fresh_sandbox.client_id, fresh_sandbox.client_secret)
    params = {"grant_type": "user_credentials", "username": "admin@example.com", "password": "demo"}
    url = f"{fresh_sandbox.url}/oauth2/token"
    for place, query_works in (("query", True), ("form", False)):
        fresh_sandbox.switch(token_parameters=place)
        by_query = fresh_sandbox.session.post(url, params=params, auth=auth)
        by_form = fresh_sandbox.session.post(url, data=params, auth=auth)
        assert (by_query.status_code == 200, by_form.status_code == 200) == (query_works, not query_works)


@switch("invalid_client_status")
def test_a_wrong_client_may_be_a_401(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(invalid_client_status="401")
    answer = fresh_sandbox.session.post(f"{fresh_sandbox.url}/oauth2/token?grant_type=client_credentials")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@switch("access_lifetime")
@switch("refresh_lifetime")
def test_lifetimes_apply_to_tokens_given_from_now_on(fresh_sandbox: SandboxServer) -> None:
    old = sign_in(fresh_sandbox, username="admin@example.com").json()
    fresh_sandbox.switch(access_lifetime=0, refresh_lifetime=60)
    auth = (fresh_sandbox.client_id, fresh_sandbox.client_secret)
    url = f"{fresh_sandbox.url}/oauth2/token"
    assert bearer(fresh_sandbox, old["access_token"]) == 200
    fresh_sandbox.switch(access_lifetime=60, refresh_lifetime=0)
    new = fresh_sandbox.session.post(url, params={"grant_type": "client_credentials"}, auth=auth).json()
    assert new["expires_in"] == 60
    assert bearer(fresh_sandbox, new["access_token"]) == 200
    assert fresh_sandbox.grant("refresh_token", refresh_token=new["refresh_token"]).status_code == 400


@switch("refresh_tokens")
def test_no_refresh_token(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(refresh_tokens=False)
    assert set(fresh_sandbox.grant("client_credentials").json()) == {"access_token", "token_type", "expires_in"}


@switch("refresh_grace")
def test_a_used_refresh_token_may_work_for_a_while(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(refresh_grace=60)
    token = fresh_sandbox.grant("client_credentials").json()["refresh_token"]
    assert [fresh_sandbox.grant("refresh_token", refresh_token=token).status_code for _ in range(3)] == [200] * 3
    fresh_sandbox.switch(refresh_grace=0)
    assert fresh_sandbox.grant("refresh_token", refresh_token=token).status_code == 400


@switch("refresh_reuse")
def test_reuse_may_end_the_whole_family(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(refresh_reuse="family")
    first = fresh_sandbox.grant("client_credentials").json()
    stranger = fresh_sandbox.grant("client_credentials").json()
    second = fresh_sandbox.grant("refresh_token", refresh_token=first["refresh_token"]).json()
    assert fresh_sandbox.grant("refresh_token", refresh_token=first["refresh_token"]).status_code == 400
    assert bearer(fresh_sandbox, second["access_token"]) == 401
    assert fresh_sandbox.grant("refresh_token", refresh_token=second["refresh_token"]).status_code == 400
    assert bearer(fresh_sandbox, stranger["access_token"]) == 200


@switch("refresh_ends_access")
def test_a_refresh_may_end_the_older_access_token(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(refresh_ends_access=True)
    first = fresh_sandbox.grant("client_credentials").json()
    second = fresh_sandbox.grant("refresh_token", refresh_token=first["refresh_token"]).json()
    assert bearer(fresh_sandbox, first["access_token"]) == 401
    assert bearer(fresh_sandbox, second["access_token"]) == 200


@switch("platform_scope")
def test_a_client_without_the_scope(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(platform_scope=False)
    answer = fresh_sandbox.get("/profile")
    assert answer.status_code == 403
    assert answer.json() == {"error": {"message": "Platform API scope is not enabled for this oauth client."}}


@switch("unauthorized_body")
def test_bodies_of_a_401(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(unauthorized_body="flat")
    assert fresh_sandbox.get("/profile", None).json()["error"] == "invalid_token"
    fresh_sandbox.switch(unauthorized_body="empty")
    assert fresh_sandbox.get("/profile", None).content == b""


@switch("forbidden_body")
def test_an_empty_403(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(forbidden_body="empty")
    answer = fresh_sandbox.get("/devices", "owner")
    assert (answer.status_code, answer.content) == (403, b"")


@switch("check_order")
def test_validation_may_come_before_permission(fresh_sandbox: SandboxServer) -> None:
    assert fresh_sandbox.get("/devices", "owner", page=-1).status_code == 403
    fresh_sandbox.switch(check_order="validation")
    assert fresh_sandbox.get("/devices", "owner", page=-1).status_code == 400
    assert fresh_sandbox.get("/devices", "owner").status_code == 403


@switch("hidden_device")
def test_a_device_of_another_may_be_hidden(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(hidden_device="404")
    answer = fresh_sandbox.get("/device", "owner", deviceId=cases.RICH)
    assert answer.status_code == 404
    assert answer.json() == fresh_sandbox.get("/device", "north@example.com", deviceId=cases.RICH).json()


@switch("retry_after")
@switch("org_rate_limit")
def test_the_organization_s_limit_is_shared(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(org_rate_limit=3, retry_after=7)
    users = ["admin", "viewer", "owner", "admin"]
    answers = [fresh_sandbox.get("/profile", user) for user in users]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "7"
    assert fresh_sandbox.get("/profile", "brightwater@example.net").status_code == 200


@switch("size_out_of_range")
def test_sizes_may_be_drawn_into_their_bounds(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(size_out_of_range="clamp")
    assert len(fresh_sandbox.get("/devices", size=0).json()["content"]) == 1
    assert len(fresh_sandbox.get("/devices", size=99999).json()["content"]) > 200
    assert fresh_sandbox.get("/devices", size=2**31).status_code == 400
    assert fresh_sandbox.get("/devices", page=-1).status_code == 400


@switch("total_elements")
def test_totals_always_or_never_where_they_are_optional(fresh_sandbox: SandboxServer) -> None:
    for how, counted in (("always", True), ("never", False)):
        fresh_sandbox.switch(total_elements=how)
        for device in range(1, 9):
            assert ("totalElements" in fresh_sandbox.get("/device/logs", deviceId=device).json()) is counted
        for email in ("owner@example.com", "ana.lund@example.org", "raj.patel@example.org", "x@example.org"):
            assert ("totalElements" in fresh_sandbox.get("/device/by-owner", ownerEmail=email).json()) is counted
            assert ("totalElements" in fresh_sandbox.get("/device/by-user-org", userEmail=email).json()) is counted
        assert "totalElements" in fresh_sandbox.get("/devices").json()


@switch("original_template_id")
@switch("unknown_members")
def test_members_may_be_left_out(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(original_template_id=False, unknown_members=False)
    rows = fresh_sandbox.get("/devices", size=1000).json()["content"]
    members = {name for row in rows for name in row}
    assert members == {"id", "name", "templateId", "orgId", "token", "activatedAt", "ownerUserId", "hardwareInfo"}


@switch("metafield_shape")
def test_metafields_as_plain_strings(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(metafield_shape="string")
    values = [row["value"] for row in fresh_sandbox.get("/device/metafield", deviceId=cases.BENCH).json()]
    assert all(value is None or isinstance(value, str) for value in values)
    assert {"A-12", "120", "R744"} <= set(values)


@switch("bad_sort")
@switch("bad_event_type")
def test_unknown_words_may_be_ignored(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(bad_sort="ignore", bad_event_type="ignore")
    plain = fresh_sandbox.get("/search/devices", query="room").json()
    assert fresh_sandbox.get("/search/devices", query="room", sortBy="Nonsense").json() == plain
    whole = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()
    assert fresh_sandbox.get("/device/timeline", deviceId=cases.RICH, eventType="NONSENSE").json() == whole


@switch("search_sub_orgs")
def test_search_may_look_below(fresh_sandbox: SandboxServer) -> None:
    query = {"query": cases.NAMES[cases.NORTHS]}
    assert cases.NORTHS not in {row["id"] for row in fresh_sandbox.get("/search/devices", **query).json()["content"]}
    fresh_sandbox.switch(search_sub_orgs=True)
    assert cases.NORTHS in {row["id"] for row in fresh_sandbox.get("/search/devices", **query).json()["content"]}


@switch("search_delay")
def test_search_may_lag_behind(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.call("PUT", "/device?deviceId=1", json={"name": "Quite another name"})
    assert fresh_sandbox.get("/search/devices", query="quite another").json()["totalElements"] == 1
    fresh_sandbox.switch(search_delay=60)
    assert fresh_sandbox.get("/search/devices", query="quite another").json()["totalElements"] == 0
    assert fresh_sandbox.get("/device", deviceId=1).json()["name"] == "Quite another name"


@switch("by_owner_sub_orgs")
def test_by_owner_may_look_below(fresh_sandbox: SandboxServer) -> None:
    query = {"ownerEmail": "sigrun.jons@example.org"}
    assert fresh_sandbox.get("/device/by-owner", **query).json()["content"] == []
    fresh_sandbox.switch(by_owner_sub_orgs=True)
    assert cases.MARINES in {row["id"] for row in fresh_sandbox.get("/device/by-owner", **query).json()["content"]}


@switch("unknown_email")
def test_an_unknown_e_mail_may_be_not_found(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(unknown_email="404")
    for path, name in (("/device/by-owner", "ownerEmail"), ("/device/by-user-org", "userEmail")):
        assert fresh_sandbox.get(path, **{name: "nobody@example.org"}).status_code == 404
        assert fresh_sandbox.get(path, **{name: "guest@example.com"}).json()["content"] == []


@switch("sub_organizations")
def test_only_children(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(sub_organizations="direct")
    assert [row["id"] for row in fresh_sandbox.get("/sub-organizations").json()["content"]] == [2, 3]


@switch("client_reach")
def test_a_client_may_be_bound_to_its_organization(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(client_reach="organization")
    assert fresh_sandbox.get("/device", "client", deviceId=cases.RICH).status_code == 200
    assert fresh_sandbox.get("/device", "client", deviceId=cases.NORTHS).status_code == 404
    assert fresh_sandbox.get("/devices", "client", orgId=2).status_code == 404
    assert fresh_sandbox.get("/device", "admin", deviceId=cases.NORTHS).status_code == 200


@switch("client_profile")
def test_a_client_s_profile(fresh_sandbox: SandboxServer) -> None:
    assert fresh_sandbox.get("/user/profile", "client").status_code == 403
    fresh_sandbox.switch(client_profile="400")
    assert fresh_sandbox.get("/user/profile", "client").status_code == 400


@switch("name_letters")
def test_names_in_ascii_only(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(name_letters="ascii")
    for name, status in (("Küche", 400), ("Насос", 400), ("٣", 400), ("Kitchen's_cold-room 2", 200)):
        assert fresh_sandbox.call("PUT", "/device?deviceId=1", json={"name": name}).status_code == status


@switch("create_status")
@switch("create_owner")
def test_creating_otherwise(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(create_status="200", create_owner="none")
    body = {"templateId": "TMPL2cRm01aQ9", "name": "New"}
    answer = fresh_sandbox.call("POST", "/device/create", json=body)
    assert answer.status_code == 200
    assert not answer.json().get("ownerUserId")


@switch("org_after_owner")
@switch("owner_after_org")
@switch("same_org")
def test_transfers_otherwise(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(org_after_owner="stays", owner_after_org="kept", same_org="204")

    def transfer(to: str, **body: int) -> int:
        whole = {"deviceId": cases.RICH, **body}
        return fresh_sandbox.call("POST", f"/device/transfer/to-{to}", json=whole).status_code

    def place() -> tuple[int, int]:
        row = fresh_sandbox.get("/device", deviceId=cases.RICH).json()
        return row["orgId"], row["ownerUserId"]

    assert transfer("owner", newOwnerUserId=26) == 204
    assert place() == (1, 26)
    assert transfer("organization", newOrgId=3) == 204
    assert place() == (3, 26)
    assert transfer("organization", newOrgId=3) == 204
    assert place() == (3, 26)


@switch("unready_owner")
@switch("unowned_removal")
def test_owners_otherwise(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(unready_owner="404", unowned_removal="400")
    body = {"deviceId": cases.RICH, "newOwnerUserId": 9}
    assert fresh_sandbox.call("POST", "/device/transfer/to-owner", json=body).status_code == 404
    assert fresh_sandbox.call("DELETE", f"/device/owner?deviceId={cases.NO_OWNER}").status_code == 400


@switch("clear_values")
@switch("clear_logs")
def test_clearing_more(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(clear_values=True, clear_logs=True, total_elements="always")
    assert fresh_sandbox.call("DELETE", f"/device/clear?deviceId={cases.RICH}").status_code == 204
    assert fresh_sandbox.get("/device/logs", deviceId=cases.RICH).json() == {"content": [], "totalElements": 0}
    values = fresh_sandbox.get("/device", deviceId=cases.RICH).json()["dataStreamValues"]
    assert len(values) == 5
    assert not any("value" in value for value in values)


@switch("metafield_numbers")
@switch("metafield_empty")
@switch("metafield_likely")
def test_metafields_otherwise(fresh_sandbox: SandboxServer) -> None:
    def write(field: int, value: Any) -> int:
        body = {"deviceId": cases.BENCH, "metaFieldId": field, "newValue": value}
        return fresh_sandbox.call("POST", "/device/metafield", json=body).status_code

    capacity, output = 4, 6
    assert [write(capacity, 5), write(capacity, ""), write(output, "5")] == [400, 204, 204]
    fresh_sandbox.switch(metafield_numbers=True, metafield_empty="400", metafield_likely=False)
    assert [write(capacity, 5), write(capacity, 5.5), write(capacity, True)] == [204, 204, 400]
    assert [write(capacity, ""), write(output, "5"), write(capacity, "6")] == [400, 400, 204]


@switch("timeline_delay")
def test_events_show_late(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(timeline_delay=0.4)
    body = {"deviceId": cases.NO_HISTORY, "eventCode": "note"}
    begun = time.monotonic()
    assert fresh_sandbox.call("POST", "/device/trigger-event", json=body).status_code == 204

    def shown() -> int:
        total: int = fresh_sandbox.get("/device/timeline", deviceId=cases.NO_HISTORY).json()["totalElements"]
        return total

    assert shown() == 0
    while not shown():
        assert time.monotonic() - begun < 10
    assert time.monotonic() - begun >= 0.4


@switch("events_a_day")
@switch("event_gap")
@switch("event_limit")
def test_limits_of_events(fresh_sandbox: SandboxServer) -> None:
    def trigger() -> int:
        body = {"deviceId": cases.NO_HISTORY, "eventCode": "note"}
        return fresh_sandbox.call("POST", "/device/trigger-event", json=body).status_code

    fresh_sandbox.switch(event_gap=0, events_a_day=2)
    assert [trigger(), trigger(), trigger()] == [204, 204, 429]
    fresh_sandbox.switch(event_limit="400")
    assert trigger() == 400
    fresh_sandbox.switch(event_limit="silent")
    assert trigger() == 204
    assert fresh_sandbox.get("/device/timeline", deviceId=cases.NO_HISTORY).json()["totalElements"] == 2
    fresh_sandbox.switch(events_a_day=0)
    assert trigger() == 204
    assert fresh_sandbox.get("/device/timeline", deviceId=cases.NO_HISTORY).json()["totalElements"] == 3


def test_every_switch_has_a_test() -> None:
    assert set(SWITCHES) == TESTED
