"""Matches for a person or an organization typed into a field; each list of matches is also a page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from devices.core.formatting import number
from devices.core.requests import DeviceRequest, require
from devices.core.responses import answer
from devices.core.text import clean, sentences, shorten
from devices.directory.forms import PickForm
from devices.directory.names import names_for
from devices.gateway.errors import GatewayError
from devices.gateway.pagination import Page
from devices.gateway.types import Organization, UserSummary
from devices.ui.read_errors import panel_error, try_read

MIN_LENGTH = 2
"""Characters."""
MAX_MATCHES = 10


class Match(NamedTuple):
    """`value` goes into the field; `words` and `note` describe it in the list, `about` on the page."""

    value: str
    words: str
    note: str
    about: str


@require_safe
def pick_user(request: DeviceRequest) -> HttpResponse:
    """`GET /search/users`: the value is the e-mail."""
    names = names_for(request.gateway, request.access)

    def match(user: UserSummary) -> Match:
        email = shorten(clean(user.email), 254)
        words = shorten(clean(user.name or ""), 80)
        place = names.organization(user.org_id)
        note = " · ".join(part for part in (email if words else "", place) if part)
        about = ", ".join(part for part in (_("ID %d") % user.id, place) if part)
        return Match(email, words or email, note, about)

    return _matches(
        request,
        "search_users",
        match,
        here=reverse("devices:pick-user"),
        heading=_("Find a person"),
        lead=_("People are found by a part of their name or e-mail."),
    )


@require_safe
def pick_organization(request: DeviceRequest) -> HttpResponse:
    """`GET /search` of organizations: the value is the id."""
    names = names_for(request.gateway, request.access)

    def match(organization: Organization) -> Match:
        above = names.organization(organization.parent_organization_id)
        about = _("Below %s") % above if above else ""
        return Match(str(organization.id), shorten(clean(organization.name), 80), _("ID %d") % organization.id, about)

    return _matches(
        request,
        "search_organizations",
        match,
        here=reverse("devices:pick-organization"),
        heading=_("Find an organization"),
        lead=_("Organizations are found by a part of their name."),
    )


def _matches(request: DeviceRequest, operation: str, match: Any, **words: str) -> HttpResponse:
    """At most one call. A failure is one sentence in the list below the field, which works without matches."""
    require(request, operation)
    form = PickForm(request.GET)
    context: dict[str, Any] = {"form": form, "matches": [], "sentence": "", "announce": "", **words}
    status = 200
    if not form.is_valid():
        context["sentence"], status = form.errors["q"][0], 422
    elif len(query := form.cleaned_data["q"]) >= MIN_LENGTH:
        found = try_read(request.gateway, lambda gateway: getattr(gateway, operation)(query, size=MAX_MATCHES))
        if isinstance(found, GatewayError):
            context["trouble"], status = panel_error(request, found, words["heading"]), found.status
            context["sentence"] = sentences(_(found.sentence), _("Type it in full: matches cannot be looked up now."))
        else:
            context |= {"matches": [match(item) for item in found.items]} | _counts(found, query)
    elif query:
        context["sentence"] = _("Type at least %d characters.") % MIN_LENGTH
    return answer(request, "directory/picker.html", "directory/_picker.html", context, status=status)


def _counts(page: Page[Any], query: str) -> dict[str, str]:
    count = len(page.items)
    if not count:
        return {"sentence": _("Nothing matches “%s”.") % shorten(query, 40)}
    announce = ngettext("%d match", "%d matches", count) % count
    if page.total is not None and page.total > count:
        more = _("%(shown)s of %(total)s: type more to narrow it.") % {"shown": count, "total": number(page.total)}
        return {"announce": announce, "sentence": more}
    return {"announce": announce}
