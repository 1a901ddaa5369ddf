"""SSO=header: a proxy in front has signed the person in and says so in headers.

WSGI folds `X_Forwarded_User` and `X-Forwarded-User` into one name, so the name of a header proves nothing. What does is
both of two things: the connection comes from the proxy's own address (or its UNIX socket), and the request carries the
secret that only the proxy knows. gunicorn's dropping of names with underscores is a third, and stays on.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.auth.sso.identity import LONGEST, MOST_GROUPS, Identity, Refused
from portal.sso_environment import SECRET_HEADER, ProxyHeaders

log = logging.getLogger(__name__)

ABSENT = frozenset({"", "-", "(null)"})
"""How proxies write that they have no value."""
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
NO_USER = re.compile(r"[\x00-\x1f\x7f,]")
"""A comma is how two headers of one name arrive: the proxy added its own to one that the browser sent."""


def identity(request: HttpRequest) -> Identity | None:
    """The person of this very request; None when the proxy names nobody.

    Raises Refused (403) for a request that did not come through the proxy.
    """
    secret = request.headers.get(SECRET_HEADER, "")
    known = compare_digest(secret.encode(), settings.SSO_HEADER_SECRET.encode()) and bool(settings.SSO_HEADER_SECRET)
    peer = request.META.get("REMOTE_ADDR", "")
    if not known or peer not in settings.SSO_TRUSTED_PEERS:
        why = "its peer is not in SSO_TRUSTED_PEERS" if known else f"{SECRET_HEADER} is missing or wrong"
        log.warning("a request from %s did not come through the sign-on proxy: %s", peer or "a socket", why)
        raise Refused(
            _("This portal is reached through the company's sign-on only."),
            _("Nothing was done. Use the address that you were given for the portal."),
            again=False,
        )
    names: ProxyHeaders = settings.SSO_HEADERS
    user = _value(request, names.user)
    if not user:
        return None
    subject = f"proxy|{user}"
    if len(subject) > LONGEST["subject"] or NO_USER.search(user):
        raise Refused(_("The company's sign-on sent a user name that cannot be one."), again=False)
    email = _value(request, names.email) if names.email else user
    groups = re.split(r"[,;]", _value(request, names.groups)) if names.groups else []
    return Identity(
        subject=subject,
        email=email if "@" in email and len(email) <= LONGEST["email"] and not NO_USER.search(email) else "",
        name=UNSAFE.sub("", _value(request, names.name))[: LONGEST["name"]] if names.name else "",
        groups=tuple(dict.fromkeys(group.strip() for group in groups if group.strip()))[:MOST_GROUPS],
    )


def _value(request: HttpRequest, name: str) -> str:
    """The header's text. WSGI hands bytes over as Latin-1; proxies mean UTF-8."""
    text = request.headers.get(name, "").strip()
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode()
    return "" if text in ABSENT else text
