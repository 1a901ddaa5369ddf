"""Drafts: a form submitted after its session ended is saved for an hour and restored after sign-in.

A draft is encrypted and never submitted automatically: the form's page is filled in, and the person submits or discards
it.

A cookie set by every form's page identifies the draft's owner: a random id of the browser and a hash of the person. It
outlives the session. Without the cookie nothing is saved, so that outsiders cannot fill the table.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import cache
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

from devices.changes.kinds import kinds
from devices.core.formatting import Clock
from devices.core.permissions import Access
from devices.core.requests import DeviceRequest, RestoredDraft, wants_partial, zone_of
from portal.auth import crypto
from portal.auth.models import Draft

EXCLUDED_FIELDS = frozenset(
    {"csrfmiddlewaretoken", "idempotency_key", "expected_version", "gaps", "password", "confirm", "without"}
)
"""Fields that are never saved: those that each page sets, credentials, and confirmations of an irreversible step (the
typed name, going on without a receipt), which count only on the page where they were given."""
MAX_AGE = timedelta(hours=1)
MAX_BYTES = 64 * 1024
"""Bytes of a form, as received and as stored."""
MAX_DRAFTS = 20
"""Per browser; the oldest are deleted."""
COOKIE = f"{settings.COOKIE_PREFIX}draft"

_signer = Signer(salt="portal.draft")


@cache
def draft_forms() -> frozenset[str]:
    """URL names of the forms that are saved as drafts."""
    return frozenset(kind.url_name for kind in kinds() if kind.keeps_drafts)


class DraftOwner(NamedTuple):
    """A random id of the browser, and a hash of the person who was shown the form."""

    browser: str
    person: str

    @property
    def browser_hash(self) -> str:
        """What the table stores: nobody can make a cookie from a copy of the table."""
        return hashlib.sha256(self.browser.encode()).hexdigest()


class _SealedDraft(msgspec.Struct, frozen=True):
    """The plaintext of a blob. Fernet has no associated data, so the plaintext names its row."""

    browser: str
    person: str
    path: str
    fields: list[tuple[str, str]]


_decoder = msgspec.json.Decoder(_SealedDraft)


def restore(request: DeviceRequest) -> None:
    """Before a form's view: GET puts the person's draft on `request.restored_draft`, POST deletes it."""
    match = request.resolver_match
    if match is None or match.view_name not in draft_forms():
        return
    if request.method == "POST":
        discard(request, request.path)
        return
    owner = _owner_for(request, request.access)
    if not wants_partial(request):  # a dialog has no room for the notice, and keeps its own form
        request.restored_draft = _load(request, owner)


@sensitive_variables("fields", "plain")
def save(request: HttpRequest) -> bool:
    """Save the form of this POST as a draft; False if it is none of `draft_forms`, is cross-site or has no owner.

    Call it only when the form was certainly not executed.
    """
    if request.method != "POST" or wants_partial(request) or not _is_own_form(request):
        return False
    access: Access | None = getattr(request, "access", None)
    owner = _owner_for(request, access) if access else _owner_from_cookie(request)
    fields = _fields(request)
    if owner is None or fields is None:
        return False
    plain = msgspec.json.encode(_SealedDraft(owner.browser_hash, owner.person, request.path, fields))
    if len(plain) > MAX_BYTES:
        return False
    purge()
    Draft.objects.update_or_create(
        browser=owner.browser_hash,
        path=request.path,
        defaults={"person": owner.person, "blob": crypto.encrypt(plain), "created_at": timezone.now()},
    )
    mine = Draft.objects.filter(browser=owner.browser_hash).order_by("-created_at").values_list("pk", flat=True)
    Draft.objects.filter(pk__in=list(mine[MAX_DRAFTS:])).delete()
    return True


def discard(request: HttpRequest, path: str) -> None:
    """Delete this browser's draft for `path`."""
    if owner := _owner_from_cookie(request):
        Draft.objects.filter(browser=owner.browser_hash, path=path).delete()


def purge() -> None:
    Draft.objects.filter(created_at__lte=timezone.now() - MAX_AGE).delete()


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the owner cookie, if this request determined the owner."""
    owner: DraftOwner | None = getattr(request, "draft_owner", None)
    if owner is None:
        return
    response.set_cookie(
        COOKIE,
        _signer.sign(".".join(owner)),
        max_age=settings.SESSION_COOKIE_AGE + int(MAX_AGE.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_form(path: str) -> bool:
    """Whether `path` (without script prefix) is one of `draft_forms`."""
    try:
        return resolve(path).view_name in draft_forms()
    except Resolver404:
        return False


def _owner_from_cookie(request: HttpRequest) -> DraftOwner | None:
    """The owner in the browser's cookie."""
    try:
        browser, _dot, person = _signer.unsign(request.COOKIES.get(COOKIE, "")).partition(".")
    except BadSignature:
        return None
    return DraftOwner(browser, person)


def _owner_for(request: HttpRequest, access: Access) -> DraftOwner:
    """This person in this browser. Drafts of another person in the same browser are deleted."""
    person = salted_hmac("portal.draft", access.person, algorithm="sha256").hexdigest()
    known = _owner_from_cookie(request)
    if known is None or known.person != person:
        if known:
            Draft.objects.filter(browser=known.browser_hash).delete()
        known = DraftOwner(secrets.token_urlsafe(24), person)
    request.draft_owner = known  # type: ignore[attr-defined]
    return known


def _is_own_form(request: HttpRequest) -> bool:
    """Whether one of our pages sent one of `draft_forms`. The CSRF token cannot tell: signing out changed it."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:  # browsers before 2023, or plain http
        same = urlsplit(request.headers.get("Origin", "")).netloc == request.get_host()
    else:
        same = site == "same-origin"
    return same and is_form(request.path_info)


def _fields(request: HttpRequest) -> list[tuple[str, str]] | None:
    """Names and values as sent, without files; None if too large or unreadable."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BYTES:
        return None
    try:
        sent = request.POST
    except (SuspiciousOperation, UnreadablePostError):
        return None
    return [(name, value) for name, values in sent.lists() if name not in EXCLUDED_FIELDS for value in values]


@sensitive_variables("sealed", "fields")
def _load(request: DeviceRequest, owner: DraftOwner) -> RestoredDraft | None:
    row = Draft.objects.filter(
        browser=owner.browser_hash, path=request.path, created_at__gt=timezone.now() - MAX_AGE
    ).first()
    if row is None:
        return None
    try:
        sealed = _decoder.decode(crypto.decrypt(row.blob))
        if (sealed.browser, sealed.person, sealed.path) != (owner.browser_hash, owner.person, request.path):
            raise crypto.DecryptionError("this draft belongs to another row")
    except (crypto.DecryptionError, msgspec.DecodeError):
        row.delete()
        return None
    fields = QueryDict(mutable=True)
    for name, value in sealed.fields:
        fields.appendlist(name, value)
    return RestoredDraft(fields, Clock(zone_of(request), row.created_at.timestamp()).stamp())
