"""SSO=header: a proxy in front of the portal signs people in and names them in headers.

A header's name proves nothing: WSGI maps `X_Forwarded_User` and `X-Forwarded-User` to one name. So two checks are
required: the connection comes from the proxy's address (or UNIX socket), and the request carries a secret that only the
proxy knows. As a third protection, gunicorn drops header names with underscores.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.auth.sso.identity import MAX_GROUPS, MAX_LENGTHS, Identity, LoginRefused
from portal.sso_environment import SECRET_HEADER, ProxyHeaders

log = logging.getLogger(__name__)

ABSENT = frozenset({"", "-", "(null)"})
"""What proxies send when they have no value."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
NO_USER = re.compile(r"[\x00-\x1f\x7f,]")
"""A comma means two headers of one name: the proxy added its own to one from the browser."""


def identity_from_headers(request: HttpRequest) -> Identity | None:
    """The person that the proxy names, or None. Raises LoginRefused without the proxy, or for an invalid user name."""
    secret = request.headers.get(SECRET_HEADER, "")
    known = compare_digest(secret.encode(), settings.SSO_HEADER_SECRET.encode()) and bool(settings.SSO_HEADER_SECRET)
    peer = request.META.get("REMOTE_ADDR", "")
    if not known or peer not in settings.SSO_TRUSTED_PEERS:
        why = "its peer is not in SSO_TRUSTED_PEERS" if known else f"{SECRET_HEADER} is missing or wrong"
        log.warning("a request from %s did not come through the sign-on proxy: %s", peer or "a socket", why)
        raise LoginRefused(
            _("You can reach this portal only through the company's sign-on."),
            _("Nothing was done. Use the address that you were given for the portal."),
            retryable=False,
        )
    names: ProxyHeaders = settings.SSO_HEADERS
    user = _value(request, names.user)
    if not user:
        return None
    subject = f"proxy|{user}"
    if len(subject) > MAX_LENGTHS["subject"] or NO_USER.search(user):
        raise LoginRefused(_("The company's sign-on sent an invalid user name."), retryable=False)
    email = _value(request, names.email) if names.email else user
    groups = re.split(r"[,;]", _value(request, names.groups)) if names.groups else []
    return Identity(
        subject=subject,
        email=email if "@" in email and len(email) <= MAX_LENGTHS["email"] and not NO_USER.search(email) else "",
        name=CONTROL_CHARACTERS.sub("", _value(request, names.name))[: MAX_LENGTHS["name"]] if names.name else "",
        groups=tuple(dict.fromkeys(group.strip() for group in groups if group.strip()))[:MAX_GROUPS],
    )


def _value(request: HttpRequest, name: str) -> str:
    """The header's value. WSGI decodes bytes as Latin-1; proxies send UTF-8."""
    text = request.headers.get(name, "").strip()
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode()
    return "" if text in ABSENT else text
