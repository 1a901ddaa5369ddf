"""Which addresses the portal may be pointed at."""

from __future__ import annotations

import pytest

from devices.gateway.transport import Transport, check_base_url


@pytest.mark.parametrize(
    "url",
    [
        "https://blynk.cloud",
        "https://fra1.blynk.cloud:8443",
        "https://203.0.113.7",
        "https://[2001:db8::7]:8443",
        "http://localhost:8081",
        "http://127.0.0.1:8081",
        "http://127.8.9.10",
        "http://[::1]:8081",
        "https://xn--kjle-ira.example",
        "https://gateway.example/platform",
    ],
)
def test_https_and_loopback_are_allowed(url: str) -> None:
    assert Transport(url).base_url == url
    assert Transport(url + "/").base_url == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://blynk.cloud", "https"),
        ("http://169.254.169.254", "https"),
        ("http://0.0.0.0", "https"),
        ("http://10.0.0.1", "https"),
        ("http://[::ffff:127.0.0.1]", "https"),
        ("http://[::]", "https"),
        ("http://localhost.example", "https"),
        ("http://127.0.0.1.example", "https"),
        ("http://2130706433", "host or port"),
        ("http://127.1", "host or port"),
        ("http://0x7f.0.0.1", "https"),
        ("https://user@blynk.cloud", "user name"),
        ("https://user:password@blynk.cloud", "user name"),
        ("https://blynk.cloud@evil.example", "user name"),
        ("https://@blynk.cloud", "user name"),
        ("file:///etc/passwd", "look like"),
        ("ftp://blynk.cloud", "look like"),
        ("gopher://127.0.0.1", "look like"),
        ("//blynk.cloud", "look like"),
        ("blynk.cloud", "look like"),
        ("https://", "look like"),
        ("https:///path", "look like"),
        ("https:blynk.cloud", "look like"),
        ("https://-blynk.cloud", "look like"),
        ("https://blynk_cloud%00", "look like"),
        ("https://blynk.cloud:99999", "host or port"),
        ("https://blynk.cloud:port", "host or port"),
        ("https://[::1", "host or port"),
        ("https://[evil]", "host or port"),
        ("https://999.1.1.1", "host or port"),
        ("https://blynk.cloud?x=1", "query"),
        ("https://blynk.cloud/#top", "fragment"),
        ("https://blynk.cloud\\@evil.example", "backslash"),
        (" https://blynk.cloud", "blank"),
        ("https://blynk.cloud\n", "blank"),
        ("https://bl\tynk.cloud", "blank"),
        ("https://kjøle.example", "ASCII"),
        ("", "blank"),
    ],
)
def test_anything_else_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Transport(url)
    assert "password" not in str(caught.value).replace("user name or password", "")


@pytest.mark.parametrize(
    ("url", "allowed", "fine"),
    [
        ("https://blynk.cloud", ["blynk.cloud"], True),
        ("https://BLYNK.cloud", ["Blynk.Cloud"], True),
        ("https://blynk.cloud", ["other.example", "blynk.cloud"], True),
        ("https://fra1.blynk.cloud", [".blynk.cloud"], True),
        ("https://blynk.cloud", [".blynk.cloud"], True),
        ("https://fra1.blynk.cloud", ["blynk.cloud"], False),
        ("https://evilblynk.cloud", [".blynk.cloud"], False),
        ("https://evilblynk.cloud", ["blynk.cloud"], False),
        ("https://blynk.cloud.evil.example", ["blynk.cloud"], False),
        ("http://127.0.0.1:8081", ["blynk.cloud"], False),
        ("http://127.0.0.1:8081", ["127.0.0.1"], True),
    ],
)
def test_only_allowed_hosts_are_accepted(url: str, allowed: list[str], fine: bool) -> None:
    if fine:
        assert check_base_url(url, allowed) == url
    else:
        with pytest.raises(ValueError, match="not among the allowed hosts"):
            check_base_url(url, allowed)


def test_a_missing_ca_bundle_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(ValueError, match=r"CA bundle /no/such/bundle\.pem"):
        Transport("https://blynk.cloud")
