"""The administrator's page of people who are signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from devices.core.formatting import number
from devices.core.permissions import PORTAL_ADMIN
from devices.core.requests import DeviceRequest, clock_for, require_right
from devices.core.responses import answer, query_string, redirect_to
from devices.core.text import clean
from devices.gateway.pagination import Page
from devices.ui.pagination import pager
from portal.auth import session_admin
from portal.auth.authentication import end_session
from portal.auth.session_admin import SignedIn

SESSIONS_PER_PAGE = 50
"""People."""


@require_safe
def sessions(request: DeviceRequest) -> HttpResponse:
    """The signed-in people of the administrator's organization, the last active first."""
    require_right(request, PORTAL_ADMIN)
    people = session_admin.list_signed_in(session_admin.grants_of_organization(request.access.org_id))
    shown = Paginator(people, SESSIONS_PER_PAGE).get_page(request.GET.get("page"))
    page = Page(tuple(shown), shown.number - 1, SESSIONS_PER_PAGE, len(people))
    here = reverse("sessions")
    context = {
        "rows": [_row(request, person) for person in page.items],
        "total": number(len(people)),
        "count": len(people),
        "pager": pager(page, lambda n: here + query_string(page=n if n > 1 else "")),
        "read_at": clock_for(request).stamp(),
        "section": "sessions",
    }
    return render(request, "auth/sessions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end_sessions(request: DeviceRequest) -> HttpResponse:
    """GET: confirm whose sessions end. POST: end them all."""
    require_right(request, PORTAL_ADMIN)
    key = (request.POST if request.method == "POST" else request.GET).get("person", "")
    rows = session_admin.grants_of_organization(request.access.org_id).filter(person=key.replace("\0", ""))
    people = session_admin.list_signed_in(rows)
    if not people:
        messages.info(request, _("This person is not signed in any more."))
        return redirect_to(request, reverse("sessions"))
    (person,) = people
    if request.method != "POST":
        context = {"row": _row(request, person), "section": "sessions"}
        return answer(request, "auth/end_sessions.html", "auth/_end_sessions.html", context)
    count = session_admin.end_grants(rows, by=request.access.person)
    if person.person == request.access.person:
        end_session(request)
        rotate_token(request)
        messages.success(request, _("Your sessions have ended, including this one."))
        return redirect_to(request, reverse("sign-in"))
    ended = ngettext(
        "%(n)s session of %(name)s is ended. They can sign in again.",
        "%(n)s sessions of %(name)s are ended. They can sign in again.",
        count,
    )
    messages.success(request, ended % {"n": count, "name": clean(person.name)})
    return redirect_to(request, reverse("sessions"))


def _row(request: DeviceRequest, person: SignedIn) -> dict[str, Any]:
    clock = clock_for(request)
    return {
        "person": person.person,
        "name": clean(person.name),
        "email": clean(person.email) if person.email != person.name else "",
        "sessions": person.sessions,
        "since": clock.when(int(person.since * 1000)),
        "last_seen": clock.when(int(person.last_seen * 1000)),
        "you": person.person == request.access.person,
        "end_url": reverse("sessions-end") + query_string(person=person.person),
    }
