"""No secret leaks, except in the response that reveals a device's token; and the plugin finds planted ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import redis as redis_client
import requests
from bs4 import BeautifulSoup
from django.core import mail, signing
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.views.debug import SafeExceptionReporterFilter

from tests.canary import BASIC, CLIENT_SECRET, KINDS, secrets_in
from tests.canary.plugin import CanaryPlugin, Watch
from tests.devices import fleet
from tests.devices.changes.forms import CHANGES, writes
from tests.devices.changes.new_device import filled
from tests.portal.addresses import HTMX, KNOWN
from tests.portal.conftest import Browser
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import Postgres

ACCESS = "sbx-access-" + "a1-_" * 8
REFRESH = "sbx-refresh-" + "b2-_" * 8
DEVICE = "sbxdev" + "c3-_xy" * 4 + "zz"
SignedIn = Callable[..., Browser]


# --- whoever looks finds ----------------------------------------------------------------------------------------------


@pytest.fixture
def watch(pytestconfig: pytest.Config) -> Iterator[Watch]:
    """The suite's watch. Planted findings are removed, or they would fail this test."""
    keeper = pytestconfig.pluginmanager.get_plugin("canary-plugin")
    assert isinstance(keeper, CanaryPlugin)
    assert keeper.watch.pop_findings() == []
    yield keeper.watch
    keeper.watch.pop_findings()


@pytest.mark.parametrize("secret", [ACCESS, REFRESH, DEVICE, CLIENT_SECRET, BASIC, "canary-password-1"])
def test_each_kind_is_known_plain_and_packed(secret: str) -> None:
    kind = next(kind for kind in secrets_in(f"…{secret}…".encode()) if kind in KINDS)
    session = signing.dumps({"grant": secret, "padding": "x" * 500}, salt="sessions", compress=True)
    assert session.startswith(".")
    assert f"{kind}, packed" in secrets_in(f"Set-Cookie: session={session}")
    assert f"{kind}, packed" in secrets_in(signing.dumps([secret]))


def test_what_is_no_secret_is_left_alone() -> None:
    assert secrets_in("sbx-access- sbxdev Auth Token sbx-refresh-unknown oa2-client-id_sandbox-portal-demo") == set()


def test_what_the_sandbox_issues_is_recognised(sandbox: SandboxServer) -> None:
    issued = sandbox.grant("user_credentials", username="admin@example.com", password=sandbox.password).json()
    assert secrets_in(issued["access_token"]) == {"access token"}
    assert secrets_in(issued["refresh_token"]) == {"refresh token"}
    assert secrets_in(sandbox.get("/device", deviceId=fleet.RICH).text) == {"device token"}


def test_a_secret_in_a_log_line_is_seen_whatever_its_level_and_masking(watch: Watch) -> None:
    for level in (logging.INFO, logging.ERROR):
        logging.getLogger("portal.planted").log(level, "Authorization: Bearer %s", ACCESS)
        assert watch.pop_findings() == ["access token in the log of portal.planted"]
    try:
        raise ValueError(REFRESH)
    except ValueError:
        logging.getLogger("devices.planted").exception("it failed")
    assert watch.pop_findings() == ["refresh token in the log of devices.planted"]


def test_a_secret_in_the_cache_is_seen(watch: Watch) -> None:
    cache.set("planted", {"device": {"token": DEVICE}})
    watch.scan_stored()
    cache.delete("planted")
    (finding,) = watch.pop_findings()
    assert finding.startswith("device token in the cache: ")


def test_a_secret_in_a_mail_is_seen(watch: Watch, mailoutbox: list[EmailMessage]) -> None:
    mail.send_mail("500", f"grant = {ACCESS}", None, ["ops@example.com"])
    watch.scan_stored()
    mailoutbox.clear()
    assert watch.pop_findings() == ["access token in a mail"]


def test_a_secret_in_the_database_is_seen(watch: Watch, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portal_auth_apigrant SET profile = %s", [f'{{"token": "{REFRESH}"}}'])
    (finding,) = watch.pop_findings()
    assert finding.startswith("refresh token in the database: UPDATE portal_auth_apigrant")


def answer_to(watch: Watch, response: Any, method: str = "GET", path: str = "/devices/1/") -> list[str]:
    watch.scan_response(response, {"REQUEST_METHOD": method, "PATH_INFO": path})
    if response.streaming:
        list(response.streaming_content)
    return watch.pop_findings()


def test_a_secret_in_an_answer_is_seen_wherever_it_stands(watch: Watch) -> None:
    assert answer_to(watch, HttpResponse(f"<code>{DEVICE}</code>")) == ["device token in the answer to GET /devices/1/"]
    streamed = StreamingHttpResponse(iter([b"id,token\n1," + DEVICE[:20].encode(), DEVICE[20:].encode()]))
    assert answer_to(watch, streamed) == ["device token in the answer to GET /devices/1/"]
    assert answer_to(watch, HttpResponse(headers={"X-Debug": ACCESS})) == [
        "access token in the headers of GET /devices/1/"
    ]
    response = HttpResponse()
    response.set_cookie("planted", signing.dumps({"t": ACCESS}))
    assert answer_to(watch, response) == ["access token, packed in the cookies of GET /devices/1/"]


def test_only_the_revealing_answer_may_show_a_device_s_token_and_no_other_secret(watch: Watch) -> None:
    reveal = "/devices/1/reveal-token/"
    assert answer_to(watch, HttpResponse(DEVICE), "POST", reveal) == []
    assert answer_to(watch, HttpResponse(ACCESS), "POST", reveal) != []
    assert answer_to(watch, HttpResponse(DEVICE), "GET", reveal) != []
    assert answer_to(watch, HttpResponse(headers={"X": DEVICE}), "POST", reveal) != []


def test_a_secret_in_the_report_of_a_crash_is_seen(watch: Watch) -> None:
    """In a local variable, where Django's own filter is at work; with ours, in the sentence of the error."""

    def careless(content: str) -> None:
        held = f"Bearer {ACCESS}"
        raise RuntimeError(content or len(held))

    for content, careful in (("", False), (REFRESH, True)):
        request = RequestFactory().get("/")
        if not careful:
            request.exception_reporter_filter = SafeExceptionReporterFilter()  # type: ignore[attr-defined]
        try:
            careless(content)
        except RuntimeError:
            watch.exception(None, request)
        kind = "refresh" if careful else "access"
        assert watch.pop_findings() == [f"{kind} token in the report of an exception"]


# --- crashes beside a secret ------------------------------------------------------------------------------------------


def crash(*_: Any, **__: Any) -> Any:
    raise RuntimeError("walked into")


BESIDE_SECRETS = {
    "before a request is sent": "devices.gateway.transport.Transport._exchange",
    "inside the library": "urllib3.connectionpool.HTTPConnectionPool.urlopen",
    "with the answer at hand": "devices.gateway.decode._decode",
    "with the answer to a token call": "portal.auth.oauth._failure",
    "with the tokens at hand": "portal.auth.grants.seal",
}


@pytest.mark.parametrize("where", BESIDE_SECRETS)
@pytest.mark.parametrize("what", ["sign-in", "page", "refresh", "reveal"])
def test_the_report_of_a_crash_beside_a_secret_does_not_hold_it(
    signed_in: SignedIn, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch, watch: Watch, where: str, what: str
) -> None:
    """Django mails the local variables of every frame to the ADMINS, if there are any."""
    browser = signed_in()
    browser.raise_request_exception = False
    if what == "refresh":
        platform.expire_tokens()
    if what == "sign-in":
        browser = Browser(raise_request_exception=False)
    with monkeypatch.context() as patch:
        patch.setattr(BESIDE_SECRETS[where], crash)
        answer = {
            "sign-in": lambda: browser.sign_in("admin"),
            "page": lambda: browser.get("/devices/1/"),
            "refresh": lambda: browser.get("/devices/1/"),
            "reveal": lambda: browser.post("/devices/1/reveal-token/"),
        }[what]()
    assert watch.pop_findings() == []
    reached = answer.status_code == 500
    assert reached or (where.startswith("with the") and "token" in where and what in {"page", "reveal"})


# --- a run through everything, at a portal of its own -----------------------------------------------------------------

PASSWORD = "canary-password-0123456789"


@pytest.fixture(scope="module")
def canaries() -> Iterator[SandboxServer]:
    """A sandbox whose people have a password that stands out."""
    server = SandboxServer(devices=150, password=PASSWORD)
    yield server
    server.stop()


class Runner:
    """A browser at a portal that looks at every answer it gets."""

    def __init__(self, portal: PortalServer) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.trust_env = False
        self.answers = 0
        self.revealed = ""

    def _look(self, answer: requests.Response) -> requests.Response:
        for one in (*answer.history, answer):
            self.answers += 1
            request = one.request
            revealing = request.method == "POST" and str(request.url).endswith("/reveal-token/")
            content = "\n".join(f"{name}: {value}" for name, value in one.headers.items())
            assert secrets_in(content) == set(), request.url
            assert secrets_in(one.content) <= ({"device token"} if revealing else set()), request.url
            if revealing:
                self.revealed = one.text
        return answer

    def get(self, path: str, **headers: str) -> requests.Response:
        return self._look(self.session.get(self.portal.url + path, headers=headers, timeout=30))

    def send(self, path: str, fields: dict[str, str], **headers: str) -> requests.Response:
        """Open the form and send it, with what stands hidden in it."""
        page = BeautifulSoup(self.get(path).text, "html.parser")
        form = page.select_one(f"main form[action='{path}'], form[action='{path}'], main form[method=post]")
        token = page.select_one("input[name=csrfmiddlewaretoken]")
        assert token is not None, path
        hidden = form.select("input[type=hidden][name]") if form else [token]
        data = {str(tag["name"]): str(tag.get("value", "")) for tag in hidden}
        answer = self.session.post(
            self.portal.url + path,
            data | {"csrfmiddlewaretoken": str(token["value"])} | fields,
            headers=headers,
            timeout=30,
        )
        return self._look(answer)

    def sign_in(self, user: str, password: str = PASSWORD) -> requests.Response:
        return self.send("/sign-in/", {"username": f"{user}@example.com", "password": password})


def run(portal: PortalServer, sandbox: SandboxServer) -> Runner:
    """Every page and every write, for two people; refused sign-ins, tokens that end, and calls that fail."""
    runner = Runner(portal)
    assert "wrong" in runner.sign_in("admin", "canary-password-wrong").text
    for user in ("owner", "admin"):
        assert runner.sign_in(user).status_code == 200
        for address in KNOWN:
            runner.get(address.path())
            if user == "admin":
                runner.get(address.path(), **HTMX)
    sandbox.expire_tokens()
    assert runner.get("/devices/?q=cold").status_code == 200
    for change in CHANGES:
        sandbox.reset()
        sandbox.clear_requests()
        answer = runner.send(change.url, change.data, **(HTMX if change.page == "rename" else {}))
        assert answer.status_code == 200, (change.page, answer.text[:3000])
        assert change.wire in writes(sandbox)
    sandbox.reset()
    assert runner.send("/devices/new/", filled(idempotency_key="canary")).status_code == 200
    assert runner.send(f"/devices/{fleet.RICH}/reveal-token/", {"reason": "HC-1"}).status_code == 200
    assert secrets_in(runner.revealed) == {"device token"}
    fault(runner, sandbox)
    runner.send("/sign-out/", {})
    assert runner.answers > 80
    return runner


def fault(runner: Runner, sandbox: SandboxServer) -> None:
    for kind, more in {"html": {}, "cut": {}, "json": {"body": [1]}}.items():
        sandbox.fault("/device/*", kind, **more)
        runner.get("/devices/1/timeline/")
        sandbox.clear_faults()
        sandbox.expire_tokens()
        sandbox.fault("/oauth2/token", kind, **more)
        runner.get("/devices/1/")
        sandbox.clear_faults()
        assert runner.get("/devices/1/").status_code == 200


def test_after_a_run_through_everything_no_secret_is_left_on_sqlite(canaries: SandboxServer) -> None:
    portal = PortalServer(canaries)
    try:
        run(portal, canaries)
        left = {path.name: path.read_bytes() for path in portal.database.parent.iterdir()}
        assert {"log", "portal.sqlite3"} <= set(left)
        assert b"admin@example.com" in b"".join(left.values()), "the files are read as they are"
        assert {name: secrets_in(data) for name, data in left.items() if secrets_in(data)} == {}
    finally:
        portal.stop()


READ: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda server, key: server.get(key),
    b"list": lambda server, key: server.lrange(key, 0, -1),
    b"zset": lambda server, key: server.zrange(key, 0, -1),
    b"hash": lambda server, key: server.hgetall(key),
}
"""Type of a key in Redis -> what it holds, as it was given."""


def secrets_of(value: Any) -> set[str]:
    return secrets_in(value if isinstance(value, bytes) else repr(value))


@pytest.mark.stack
def test_after_a_run_through_everything_no_secret_is_left_on_postgresql_and_redis(
    canaries: SandboxServer, postgres: Postgres, redis: str
) -> None:
    portal = PortalServer(canaries, database_url=postgres.database(), redis_url=redis)
    try:
        run(portal, canaries)
        rows = everything_in(postgres.url(portal.env["DATABASE_URL"].rsplit("/", 1)[1]))
        assert "admin@example.com" in rows
        assert secrets_in(rows) == set()
        with redis_client.Redis.from_url(redis) as server:
            held = {key: READ[server.type(key)](server, key) for key in server.scan_iter()}
        assert any(isinstance(value, bytes) for value in held.values()), "there are names in the cache"
        assert {key: found for key, value in held.items() if (found := secrets_in(key) | secrets_of(value))} == {}
        assert secrets_in(portal.log()) == set()
    finally:
        portal.stop()


def everything_in(url: str) -> str:
    """Every row of every table, as PostgreSQL writes it."""
    with psycopg.connect(url) as there:
        tables = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(row[0]) for (name,) in tables for row in there.execute(f'SELECT t::text FROM "{name}" t').fetchall()
        )
