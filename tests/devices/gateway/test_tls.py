"""https: only to a certificate that fits the name, in time, and through a proxy where the environment names one."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, TimedOut, Unreachable
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
from tests.devices.gateway.wire import Server, answer, serving

NAME = "api.example"
USUAL = Timeouts()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key, for localhost and NAME but not for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway test")])
    names = [x509.DNSName("localhost"), x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.3"))]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def gateway(url: str, bundle: Path | None, timeouts: Timeouts = USUAL) -> Gateway:
    transport = Transport(url, ca_bundle=str(bundle) if bundle else None, timeouts=timeouts)
    return Gateway(transport, lambda rejected: "t")


def answering(context: ssl.SSLContext):
    def handle(server: Server, conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as tls:
            while server.read_request(tls) is not None:
                tls.sendall(answer())

    return handle


def test_a_call_over_tls(certificate: Path, context: ssl.SSLContext) -> None:
    with serving(answering(context)) as server:
        over = gateway(f"https://localhost:{server.port}", certificate)
        assert [over.get_device(31).id, over.get_device(31).id] == [31, 31]
    assert server.connections == 1


def test_the_bundle_of_the_environment_is_used(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(answering(context)) as server:
        assert gateway(f"https://localhost:{server.port}", None).get_device(31).id == 31


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_that_does_not_fit_gets_no_request(
    host: str, trusted: bool, certificate: Path, context: ssl.SSLContext
) -> None:
    with serving(answering(context)) as server:
        over = gateway(f"https://{host}:{server.port}", certificate if trusted else None)
        with pytest.raises(Unreachable) as caught:
            over.rename_device(31, "New")
    assert not caught.value.sent
    assert server.requests == []


def test_plain_http_where_tls_is_expected_gets_no_request(certificate: Path) -> None:
    def plain(server: Server, conn: socket.socket) -> None:
        conn.sendall(answer())

    with serving(plain) as server, pytest.raises(Unreachable) as caught:
        gateway(f"https://localhost:{server.port}", certificate).get_device(31)
    assert not caught.value.sent


@pytest.mark.parametrize(
    "broken", [b"\x15\x03\x03\x00\x02\x02\x50", b"HTTP/1.1 200 OK\r\n\r\n", b""], ids=["alert", "plain", "cut"]
)
def test_a_connection_that_breaks_after_a_change_was_sent_leaves_it_uncertain(
    broken: bytes, certificate: Path, context: ssl.SSLContext
) -> None:
    """Such as a middlebox that gives up, or a server whose process dies: the change may be made."""

    def breaking(server: Server, conn: socket.socket) -> None:
        with conn.dup() as plain, context.wrap_socket(conn, server_side=True) as tls:
            server.read_request(tls)
            plain.sendall(broken)
            plain.shutdown(socket.SHUT_RDWR)

    with serving(breaking) as server:
        with pytest.raises(GatewayError) as caught:
            gateway(f"https://localhost:{server.port}", certificate).rename_device(31, "New")
        assert len(server.requests) == 1
    assert caught.value.uncertain


def test_a_dripping_answer_over_tls_ends_in_time(certificate: Path, context: ssl.SSLContext) -> None:
    def dripping(server: Server, conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as tls:
            server.read_request(tls)
            server.drip(tls, b"HTTP/1.1 200 OK\r\n" + b"X-Padding: 0123456789\r\n" * 50)

    with serving(dripping) as server, pytest.raises(TimedOut):
        gateway(f"https://localhost:{server.port}", certificate, Timeouts(read=0.3, call=0.5)).get_device(31)


@pytest.mark.parametrize("dripped", [b"", b"\x16\x03\x03\x40\x00" + b"\x02" * 900])
def test_a_handshake_that_never_ends_ends_in_time(dripped: bytes, certificate: Path) -> None:
    def stalling(server: Server, conn: socket.socket) -> None:
        server.drip(conn, dripped)
        server.stop.wait(30)

    short = Timeouts(connect=0.4, call=0.8)
    with serving(stalling) as server, pytest.raises(TimedOut) as caught:
        gateway(f"https://localhost:{server.port}", certificate, short).rename_device(31, "New")
    assert not caught.value.sent


def test_a_proxy_of_the_environment_is_tunnelled_through(
    certificate: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def proxy(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        answering(context)(server, conn)

    with serving(proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        monkeypatch.setenv("https_proxy", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert gateway(f"https://{NAME}", certificate).get_device(31).id == 31
    tunnel, request = server.requests
    assert tunnel.startswith(f"CONNECT {NAME}:443 ".encode())
    assert b"Bearer" not in tunnel
    assert b"Authorization: Bearer t" in request


def test_a_proxy_that_stalls_ends_in_time(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stalling(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        server.drip(conn, b"HTTP/1.1 200 OK\r\n" + b"X-Padding: 0123456789\r\n" * 50)

    with serving(stalling) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        monkeypatch.setenv("https_proxy", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(TimedOut):
            gateway(f"https://{NAME}", certificate, Timeouts(connect=0.3, read=0.3, call=0.5)).get_device(31)
