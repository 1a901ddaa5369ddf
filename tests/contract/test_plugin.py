"""The plugin records what goes over the wire, from any client in the tests, and checks it."""

from __future__ import annotations

import pytest
import requests
import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound
from devices.gateway.transport import Transport
from tests.contract.plugin import Recorder, _recording
from tests.devices.gateway.wire import answer, each_request, serving
from tests.servers import SandboxServer

SERVER = "Server: gunicorn"  # as the sandbox says of itself
LIST = "/api/v1/organization/devices"


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A second recorder in place of the plugin's own, which would fail these tests."""
    own = Recorder()
    plain = HTTPConnectionPool.urlopen.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(HTTPConnectionPool, "urlopen", _recording(plain, own))
    return own


def gateway(url: str) -> Gateway:
    return Gateway(Transport(url), lambda rejected: "token")


def test_the_plugin_runs(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.get_plugin("contract")


def test_calls_of_portal_and_tests_to_the_sandbox_are_seen_whole(recorder: Recorder, sandbox: SandboxServer) -> None:
    Gateway(Transport(sandbox.url), lambda rejected: sandbox.token()).list_devices(size=2)
    sandbox.get("/devices", size=2)
    *_, first, second = recorder.recorded
    assert (first.by_portal, second.by_portal) == (True, False)
    for record in (first, second):
        assert record.by_sandbox
        assert record.call.path == LIST
        assert record.response is not None
        assert record.response.body.startswith(b'{"content":[{')
    assert recorder.violations() == []


def test_a_wrong_request_of_the_portal_is_reported(recorder: Recorder, sandbox: SandboxServer) -> None:
    portal = Gateway(Transport(sandbox.url), lambda rejected: sandbox.token())
    with pytest.raises(GatewayError):
        portal.list_devices(size=1001)
    [words] = recorder.violations()
    assert words.startswith("GET /api/v1/organization/devices: query parameter 'size'")
    assert "1001" in words


def test_a_wrong_request_of_a_test_is_allowed_but_its_response_is_checked(
    recorder: Recorder, sandbox: SandboxServer
) -> None:
    assert sandbox.get("/devices", size=1001).status_code == 400
    assert sandbox.call("PATCH", "/devices").status_code == 405
    assert recorder.violations() == []
    with serving(each_request(answer(b'{"error":"flat"}', SERVER, status="400 Bad Request"))) as odd:
        requests.get(f"{odd.url}{LIST}?size=1001", timeout=5)
    assert "'flat' is not of type 'object'" in recorder.violations()[0]


def test_a_wrong_response_of_the_sandbox_is_reported(recorder: Recorder) -> None:
    with serving(each_request(answer(b'{"content":[{"id":1}]}', SERVER))) as odd, pytest.raises(GatewayError):
        gateway(odd.url).list_devices()
    assert [words for words in recorder.violations() if "'totalElements' is a required property" in words]


@pytest.mark.parametrize("preload", [True, False])
def test_a_response_is_recorded_however_it_is_read(recorder: Recorder, preload: bool) -> None:
    with serving(each_request(answer(b'{"content":[]}', SERVER))) as odd, urllib3.PoolManager() as pool:
        response = pool.request("GET", odd.url + LIST, preload_content=preload)
        assert (response.data if preload else response.read()) == b'{"content":[]}'
    assert "'totalElements' is a required property" in recorder.violations()[0]


def test_responses_of_other_servers_are_not_checked(recorder: Recorder) -> None:
    with serving(each_request(answer(b'{"content":[]}'))) as odd:
        assert gateway(odd.url).list_devices().items == ()
    assert recorder.violations() == []


def test_faults_excuse_the_path_they_are_set_for_until_they_are_gone(
    recorder: Recorder, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.token()
    fresh_sandbox.fault("/device", "json", status=200, body={"id": "x"})
    assert fresh_sandbox.get("/device", deviceId=1).json() == {"id": "x"}
    fresh_sandbox.get("/devices", size=1)
    assert [record.call.path for record in recorder.recorded if "oauth" not in record.call.path] == [LIST]
    fresh_sandbox.clear_faults()
    with pytest.raises(NotFound):
        Gateway(Transport(fresh_sandbox.url), lambda rejected: fresh_sandbox.token()).get_device(2**31 - 1)
    assert recorder.recorded[-1].response is not None
    assert recorder.violations() == []
