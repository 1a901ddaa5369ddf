"""Reads the sign-in settings for portal/settings.py (so without Django's), and refuses an unsafe configuration."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

import environ
import msgspec
from django.core.exceptions import ImproperlyConfigured

from devices.core.permissions import ORGANIZATION_WIDE, RIGHTS
from devices.gateway.base_url import check_base_url
from portal.environment import TOO_WIDE, too_wide

Peer = ipaddress.IPv4Network | ipaddress.IPv6Network
MIN_SECRET_LENGTH = 32
"""Characters. Only the secret stops another process on the same host from naming any user."""
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
SECRET_HEADER = "X-Portal-Secret"  # noqa: S105 - the name of a header  # nosec B105
"""The header in which the proxy sends SSO_HEADER_SECRET."""


class TrustedPeers(NamedTuple):
    """The peers whose headers are trusted. `unix`: a UNIX socket, which has no address."""

    networks: tuple[Peer, ...] = ()
    unix: bool = False

    def __contains__(self, address: object) -> bool:
        """Whether this REMOTE_ADDR is a trusted peer. It is empty for a socket."""
        if not address:
            return self.unix
        try:
            peer = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None) or peer
        return any(mapped in network for network in self.networks)

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks)


class ProxyHeaders(NamedTuple):
    """Names of the headers from the sign-on proxy. Only `user` is required."""

    user: str = ""
    email: str = ""
    name: str = ""
    groups: str = ""


def _invalid(sentence: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"The portal does not start: {sentence}")


def sign_in(env: environ.Env) -> tuple[str, str]:
    """SIGN_IN (`user` or `service`) and SSO (`off`, `oidc` or `header`)."""
    by, sso = env.str("SIGN_IN", "user"), env.str("SSO", "off")
    if by not in {"user", "service"}:
        raise _invalid("SIGN_IN must be user or service.")
    if sso not in {"off", "oidc", "header"}:
        raise _invalid("SSO must be off, oidc or header.")
    if by == "service" and sso == "off":
        raise _invalid(
            "SIGN_IN=service needs SSO=oidc or SSO=header. Without it anyone could use the organization's token."
        )
    return by, sso


def issuer(env: environ.Env, sso: str) -> str:
    """OIDC_ISSUER exactly as the provider writes it, also a slash at the end: https, or http to this machine."""
    url: str = env.str("OIDC_ISSUER", "")
    if sso != "oidc":
        return url
    missing = [name for name in ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET") if not env.str(name, "")]
    if missing:
        raise _invalid(f"SSO=oidc needs {', '.join(missing)}.")
    try:
        check_base_url(url)
    except ValueError as error:
        raise _invalid(f"OIDC_ISSUER: {str(error).replace('The address of the Platform API', 'It')}") from None
    return url


def scopes(env: environ.Env) -> str:
    """OIDC_SCOPES, separated by spaces or commas, with `openid` first."""
    names = re.split(r"[\s,]+", env.str("OIDC_SCOPES", "openid email profile").strip())
    return " ".join(dict.fromkeys(["openid", *filter(None, names)]))


def proxy_headers(env: environ.Env, sso: str, by: str) -> ProxyHeaders:
    """SSO_HEADER and the headers for e-mail, name and groups. Refuses names that a proxy cannot send unambiguously."""
    found = ProxyHeaders(
        env.str("SSO_HEADER", ""),
        env.str("SSO_EMAIL_HEADER", ""),
        env.str("SSO_NAME_HEADER", ""),
        env.str("SSO_GROUPS_HEADER", ""),
    )
    if sso != "header":
        return found
    if not found.user:
        raise _invalid("SSO=header needs SSO_HEADER, the name of the header with the user, like X-Forwarded-User.")
    if by == "service" and not found.groups:
        raise _invalid(
            "SIGN_IN=service with SSO=header needs SSO_GROUPS_HEADER, the name of the header with the groups. Without "
            "it nobody can sign in."
        )
    for name in filter(None, found):
        if not HEADER_NAME.fullmatch(name) or name.casefold() == SECRET_HEADER.casefold():
            raise _invalid(
                f"{name} cannot be the name of a sign-on header. Use letters, digits and dashes, no underscore "
                f"(servers drop those), and not {SECRET_HEADER}."
            )
    return found


def header_secret(env: environ.Env, sso: str) -> str:
    """SSO_HEADER_SECRET. Without it anyone who reaches the port could name any user."""
    secret: str = env.str("SSO_HEADER_SECRET", "")
    if sso == "header" and not (len(secret) >= MIN_SECRET_LENGTH and secret.isascii() and secret.isprintable()):
        raise _invalid(
            f"SSO=header needs SSO_HEADER_SECRET, at least {MIN_SECRET_LENGTH} printable ASCII characters that the "
            f"proxy sends as {SECRET_HEADER}."
        )
    return secret


def trusted_peers(env: environ.Env, sso: str) -> TrustedPeers:
    """SSO_TRUSTED_PEERS: comma-separated addresses and networks of the proxy, or `unix`."""
    entries = [entry.strip() for entry in env.list("SSO_TRUSTED_PEERS", default=[]) if entry.strip()]
    try:
        networks = tuple(ipaddress.ip_network(entry) for entry in entries if entry != "unix")
    except ValueError:
        raise _invalid(
            "SSO_TRUSTED_PEERS must be addresses (10.0.0.5), networks (10.0.0.0/24) or unix, separated by commas."
        ) from None
    if too_wide(networks):
        raise _invalid(f"SSO_TRUSTED_PEERS {TOO_WIDE}")
    found = TrustedPeers(networks, "unix" in entries)
    if sso == "header" and not found:
        raise _invalid("SSO=header needs SSO_TRUSTED_PEERS: the address of the sign-on proxy, or unix for a socket.")
    return found


def access_groups(env: environ.Env, by: str) -> dict[str, frozenset[str]]:
    """ACCESS_GROUPS: JSON, group at the sign-on -> permissions at the platform and rights in the portal.

    `"*"` stands for all platform permissions that the portal knows, but for no right in the portal. OWN_ names are
    refused: with the organization's token nobody owns a device.
    """
    try:
        groups = msgspec.json.decode(env.str("ACCESS_GROUPS", "{}"), type=dict[str, frozenset[str]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise _invalid(f'ACCESS_GROUPS must be JSON like {{"support": ["ORG_DEVICES_VIEW", "{RIGHTS[0]}"]}}.') from None
    known = {"*", *RIGHTS, *ORGANIZATION_WIDE}
    if unknown := sorted(frozenset().union(*groups.values()) - known):
        raise _invalid(
            f"ACCESS_GROUPS has unknown names: {', '.join(unknown)}. Known names: {', '.join(sorted(known))}."
        )
    if by == "service" and not any(groups.values()):
        raise _invalid(
            "SIGN_IN=service needs ACCESS_GROUPS with a permission for some group. Without it nobody can sign in."
        )
    return {
        group: names - {"*"} | (ORGANIZATION_WIDE if "*" in names else frozenset()) for group, names in groups.items()
    }
