"""What somebody had typed when their session ended: kept for an hour, and shown to them again once they have signed in.

A form that is sent plainly takes its page with it, so what it held is kept here, encrypted. Nothing is ever sent from
here: the form's page comes back filled in, and the person looks, and presses its button or throws it away.

Whose a draft is, a cookie tells that every form's page sets. It names the browser at random and, as a hash, the person
to whom the form was shown; it outlives the session, of which nothing may be left when the form arrives. Without such a
cookie nothing is kept, so that nobody fills the table from outside.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from devices.core.formatting import Clock
from devices.core.permissions import Access
from devices.core.requests import DeviceRequest, Unsent, wants_partial, zone_of
from portal.auth import crypto
from portal.auth.models import Draft

KEPT = frozenset(
    f"devices:device-{form}"
    for form in (
        "new",
        "rename",
        "metafield",
        "transfer-to-owner",
        "transfer-to-organization",
        "remove-owner",
        "trigger-event",
        "clear",
        "delete",
    )
)
"""The forms whose contents are kept, by URL name."""
NEVER_KEPT = frozenset(
    {"csrfmiddlewaretoken", "idempotency_key", "expected_version", "gaps", "password", "confirm", "without"}
)
"""Fields that are never kept, in any form: what each page sets anew; credentials; and what confirms a step that cannot
be undone (the name typed, going on without a receipt), which is consent to what stood on that page."""
LIFE = timedelta(hours=1)
LARGEST = 64 * 1024
"""Bytes of a form that can be kept, as it arrived and as it is stored."""
MOST = 20
"""Drafts of one browser; an older one gives way."""
COOKIE = f"{settings.COOKIE_PREFIX}unsent"

_signer = Signer(salt="portal.unsent")


class DraftOwner(NamedTuple):
    """A browser's random name, and a hash of the person to whom its forms were shown."""

    browser: str
    person: str

    @property
    def row(self) -> str:
        """The browser as the table knows it: a copy of the table is no cookie."""
        return hashlib.sha256(self.browser.encode()).hexdigest()


class _Sealed(msgspec.Struct, frozen=True):
    """The plaintext of a blob. Fernet authenticates nothing beside it, so it carries the row it belongs to."""

    browser: str
    person: str
    path: str
    fields: list[tuple[str, str]]


_decoder = msgspec.json.Decoder(_Sealed)


def restore(request: DeviceRequest) -> None:
    """Before the view of a form: put what its person left unsent on its page; sending it anew ends that."""
    match = request.resolver_match
    if match is None or match.view_name not in KEPT:
        return
    if request.method == "POST":
        if known := _keeper(request):
            Draft.objects.filter(browser=known.row, path=request.path).delete()
        return
    keeper = _keeper_of(request, request.access)
    if not wants_partial(request):  # in a dialog there is no room for its notice, and a dialog keeps its own form
        request.unsent = _find(request, keeper)


@sensitive_variables("fields", "plain")
def save(request: HttpRequest) -> bool:
    """Keep what this POST brought, if it is one of our forms and its browser can be told. Only for what was surely not
    carried out. The cross-site POST of another site brings no cookie, and is not `_ours`.
    """
    if request.method != "POST" or wants_partial(request) or not _ours(request):
        return False
    access: Access | None = getattr(request, "access", None)
    keeper = _keeper_of(request, access) if access else _keeper(request)
    fields = _fields(request)
    if keeper is None or fields is None:
        return False
    plain = msgspec.json.encode(_Sealed(keeper.row, keeper.person, request.path, fields))
    if len(plain) > LARGEST:
        return False
    now = timezone.now()
    purge()
    Draft.objects.update_or_create(
        browser=keeper.row,
        path=request.path,
        defaults={"person": keeper.person, "blob": crypto.lock(plain), "created_at": now},
    )
    mine = Draft.objects.filter(browser=keeper.row).order_by("-created_at").values_list("pk", flat=True)
    Draft.objects.filter(pk__in=list(mine[MOST:])).delete()
    return True


def drop(request: HttpRequest, path: str) -> None:
    """Throw away what this browser left unsent at `path`."""
    if keeper := _keeper(request):
        Draft.objects.filter(browser=keeper.row, path=path).delete()


def purge() -> None:
    Draft.objects.filter(created_at__lte=timezone.now() - LIFE).delete()


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the browser the name under which its unsent forms are kept, if this request settled on one."""
    keeper: DraftOwner | None = getattr(request, "unsent_keeper", None)
    if keeper is None:
        return
    response.set_cookie(
        COOKIE,
        _signer.sign(".".join(keeper)),
        max_age=settings.SESSION_COOKIE_AGE + int(LIFE.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_form(path: str) -> bool:
    """Whether `path` (without script prefix) is one of the forms that are kept."""
    try:
        return resolve(path).view_name in KEPT
    except Resolver404:
        return False


# --- whose ------------------------------------------------------------------------------------------------------------


def _keeper(request: HttpRequest) -> DraftOwner | None:
    """Whom the browser's cookie names."""
    try:
        browser, _dot, person = _signer.unsign(request.COOKIES.get(COOKIE, "")).partition(".")
    except BadSignature:
        return None
    return DraftOwner(browser, person)


def _keeper_of(request: HttpRequest, access: Access) -> DraftOwner:
    """This person in this browser. What another person left here unsent is refused to them, and thrown away."""
    person = salted_hmac("portal.unsent", access.person, algorithm="sha256").hexdigest()
    known = _keeper(request)
    if known is None or known.person != person:
        if known:
            Draft.objects.filter(browser=known.row).delete()
        known = DraftOwner(secrets.token_urlsafe(24), person)
    request.unsent_keeper = known  # type: ignore[attr-defined]
    return known


def _ours(request: HttpRequest) -> bool:
    """Whether one of our own pages sent one of our forms. Of a signed-out form the CSRF token proves nothing: signing
    out changed it."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:  # browsers before 2023, and plain http
        same = urlsplit(request.headers.get("Origin", "")).netloc == request.get_host()
    else:
        same = site == "same-origin"
    return same and is_form(request.path_info)


# --- what -------------------------------------------------------------------------------------------------------------


def _fields(request: HttpRequest) -> list[tuple[str, str]] | None:
    """Names and values as sent, without files; None for what is too large or cannot be read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST:
        return None
    try:
        sent = request.POST
    except (SuspiciousOperation, UnreadablePostError):
        return None
    return [(name, value) for name, values in sent.lists() if name not in NEVER_KEPT for value in values]


@sensitive_variables("sealed", "fields")
def _find(request: DeviceRequest, keeper: DraftOwner) -> Unsent | None:
    row = Draft.objects.filter(browser=keeper.row, path=request.path, created_at__gt=timezone.now() - LIFE).first()
    if row is None:
        return None
    try:
        sealed = _decoder.decode(crypto.unlock(row.blob))
        if (sealed.browser, sealed.person, sealed.path) != (keeper.row, keeper.person, request.path):
            raise crypto.Unreadable("this draft belongs to another row")
    except (crypto.Unreadable, msgspec.DecodeError):
        row.delete()
        return None
    fields = QueryDict(mutable=True)
    for name, value in sealed.fields:
        fields.appendlist(name, value)
    return Unsent(fields, Clock(zone_of(request), row.created_at.timestamp()).stamp())
