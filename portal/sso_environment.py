"""Reads who signs people in (SIGN_IN, SSO, groups) from the environment, and refuses a set-up that is not safe.

Called by the settings file before Django exists, like environment.py beside it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import NamedTuple

import environ
from django.core.exceptions import ImproperlyConfigured

from devices.core.permissions import ORGANIZATION_WIDE, RIGHTS
from devices.gateway.base_url import check_base_url
from portal.environment import TOO_WIDE, too_wide

Peer = ipaddress.IPv4Network | ipaddress.IPv6Network
MIN_SECRET_LENGTH = 32
"""Characters. The secret alone keeps a neighbour on the same host from naming any user it likes."""
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
SECRET_HEADER = "X-Portal-Secret"  # noqa: S105 - the name of a header  # nosec B105
"""In which the proxy sends SSO_HEADER_SECRET."""


class TrustedPeers(NamedTuple):
    """Whose headers are believed. `unix`: a connection over a UNIX socket, which has no address."""

    networks: tuple[Peer, ...] = ()
    unix: bool = False

    def __contains__(self, address: object) -> bool:
        """Whether a request with this REMOTE_ADDR comes from one of them. The server leaves it empty for a socket."""
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
    """The headers in which the sign-on proxy describes the person. Only `user` has to be there."""

    user: str = ""
    email: str = ""
    name: str = ""
    groups: str = ""


def _invalid(sentence: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"The portal does not start: {sentence}")


def sign_in(env: environ.Env) -> tuple[str, str]:
    """SIGN_IN (`user` or `service`) and SSO (`off`, `oidc` or `header`), a pair that goes together."""
    by, sso = env.str("SIGN_IN", "user"), env.str("SSO", "off")
    if by not in {"user", "service"}:
        raise _invalid("SIGN_IN is user or service.")
    if sso not in {"off", "oidc", "header"}:
        raise _invalid("SSO is off, oidc or header.")
    if by == "service" and sso == "off":
        raise _invalid(
            "SIGN_IN=service needs SSO=oidc or SSO=header, or anybody would use the organization's own token."
        )
    return by, sso


def issuer(env: environ.Env, sso: str) -> str:
    """OIDC_ISSUER as the provider writes it (a slash at its end counts): https, or plain http to this machine."""
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
    """OIDC_SCOPES, by blanks or commas, with `openid` first."""
    names = re.split(r"[\s,]+", env.str("OIDC_SCOPES", "openid email profile").strip())
    return " ".join(dict.fromkeys(["openid", *filter(None, names)]))


def proxy_headers(env: environ.Env, sso: str, by: str) -> ProxyHeaders:
    """SSO_HEADER and the three beside it. Refuses what a proxy in front of this server cannot send unambiguously."""
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
            "SIGN_IN=service with SSO=header needs SSO_GROUPS_HEADER, the name of the header with the groups, or "
            "nobody comes in."
        )
    for name in filter(None, found):
        if not HEADER_NAME.fullmatch(name) or name.casefold() == SECRET_HEADER.casefold():
            raise _invalid(
                f"{name} cannot be the name of a header of the sign-on: letters, digits and dashes, no underscore "
                f"(servers drop those), and not {SECRET_HEADER}."
            )
    return found


def header_secret(env: environ.Env, sso: str) -> str:
    """SSO_HEADER_SECRET: without it, whoever reaches the port could name any user."""
    secret: str = env.str("SSO_HEADER_SECRET", "")
    if sso == "header" and not (len(secret) >= MIN_SECRET_LENGTH and secret.isascii() and secret.isprintable()):
        raise _invalid(
            f"SSO=header needs SSO_HEADER_SECRET, at least {MIN_SECRET_LENGTH} printable ASCII characters that the "
            f"proxy sends as {SECRET_HEADER}."
        )
    return secret


def trusted_peers(env: environ.Env, sso: str) -> TrustedPeers:
    """SSO_TRUSTED_PEERS: addresses and networks of the proxy by comma, or `unix`."""
    entries = [entry.strip() for entry in env.list("SSO_TRUSTED_PEERS", default=[]) if entry.strip()]
    try:
        networks = tuple(ipaddress.ip_network(entry) for entry in entries if entry != "unix")
    except ValueError:
        raise _invalid(
            "SSO_TRUSTED_PEERS takes addresses (10.0.0.5), networks (10.0.0.0/24) and unix, by comma."
        ) from None
    if too_wide(networks):
        raise _invalid(f"SSO_TRUSTED_PEERS {TOO_WIDE}")
    found = TrustedPeers(networks, "unix" in entries)
    if sso == "header" and not found:
        raise _invalid("SSO=header needs SSO_TRUSTED_PEERS: the address of the sign-on proxy, or unix for a socket.")
    return found


def access_groups(env: environ.Env, by: str) -> dict[str, frozenset[str]]:
    """ACCESS_GROUPS: JSON, group of the sign-on -> permissions at the platform and rights in the portal.

    `"*"` stands for all permissions at the platform that the portal knows, and for no right in the portal. OWN_ names
    are refused: there is nobody whose own a device could be, where the organization's token does the calls.
    """
    try:
        found = json.loads(env.str("ACCESS_GROUPS", "{}"))
        groups = {str(group): list(names) for group, names in found.items() if isinstance(names, list)}
    except (ValueError, AttributeError, TypeError):
        found, groups = {"": None}, {}
    known = {"*", *RIGHTS, *ORGANIZATION_WIDE}
    if len(groups) != len(found) or not all(isinstance(name, str) for names in groups.values() for name in names):
        raise _invalid(f'ACCESS_GROUPS is JSON like {{"support": ["ORG_DEVICES_VIEW", "{RIGHTS[0]}"]}}.')
    if unknown := sorted({name for names in groups.values() for name in names} - known):
        raise _invalid(f"ACCESS_GROUPS names {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    if by == "service" and not any(groups.values()):
        raise _invalid("SIGN_IN=service needs ACCESS_GROUPS that give something to a group, or nobody comes in.")
    return {
        group: frozenset(names) - {"*"} | (ORGANIZATION_WIDE if "*" in names else frozenset())
        for group, names in groups.items()
    }
