"""Lists of one person's devices: those they own, and those they can see."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from devices.core.formatting import number
from devices.core.navigation import my_devices_url, owner_url_prefix
from devices.core.permissions import Access, Verdict, judge
from devices.core.requests import DeviceRequest, require
from devices.core.responses import answer, query_string
from devices.core.text import shorten
from devices.directory.names import Names, names_for, organization_choices
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound
from devices.gateway.pagination import Page
from devices.gateway.types import Device
from devices.lists.forms import ByOwnerForm, ByUserForm
from devices.lists.table import duplicates_notice, page_title, size_param, table
from devices.ui.read_errors import panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write

OWNED, VISIBLE = "list_devices_by_owner", "list_devices_by_user"
VIEW_NAMES = {OWNED: "devices:device-by-owner", VISIBLE: "devices:device-by-user"}


class PersonListLink(NamedTuple):
    """A link to one of the two lists of the same person; `current` is the list of this page."""

    words: str
    url: str
    current: bool


@require_safe
def device_by_owner(request: DeviceRequest) -> HttpResponse:
    """`GET /device/by-owner`: "My devices", and with the permission, another person's."""
    if request.access.only_own and not request.GET.get("email"):
        return redirect(my_devices_url(request.access))
    return _device_list(request, OWNED, ByOwnerForm(request.GET))


@require_safe
def device_by_user(request: DeviceRequest) -> HttpResponse:
    """`GET /device/by-user-org`: what a person can see, which may be more than they own, or less."""
    return _device_list(request, VISIBLE, ByUserForm(request.GET))


def _device_list(request: DeviceRequest, operation: str, form: ByUserForm) -> HttpResponse:
    """One call, or none without an e-mail or the permission; then the page says so in place of the list."""
    require(request, operation)
    query = {"org": None} | form.clean_with_defaults(rows=request.preferences.page_size)
    names = names_for(request.gateway, request.access)
    verdict = judge(operation, request.access, other=not _mine(request.access, query["email"]))
    allowed = bool(query["email"]) and verdict.allowed
    found = try_read(request.gateway, lambda each: _read(each, operation, query, names)) if allowed else None
    error, page = (found, None) if isinstance(found, GatewayError) else (None, found)
    context = _context(request, operation, form, query, page, names, verdict)
    context["read_error"] = panel_error(request, error, context["heading"]) if error else None
    status = 422 if "email" in form.errors else 403 if query["email"] and not allowed else 200
    status = error.status if error else status
    response = answer(request, "lists/people.html", "lists/_people_results.html", context, status=status)
    return with_retry_after(response, error) if error else response


def _mine(access: Access, email: str) -> bool:
    return bool(access.user_id) and email.casefold() == access.email.casefold()


def _read(gateway: Gateway, operation: str, query: dict[str, Any], names: Names) -> Page[Device]:
    """The API answers an unknown e-mail with an empty page or a 404: both give an empty page."""
    number_, size = query["page"] - 1, query["size"]
    try:
        if operation == OWNED:
            return gateway.list_devices_by_owner(query["email"], org_id=query["org"], page=number_, size=size)
        return gateway.list_devices_by_user(query["email"], page=number_, size=size)
    except NotFound:
        if query["org"] and query["org"] not in names.organizations:
            raise  # it may be the organization that is not found
        return Page((), number_, size, 0)


def _context(
    request: DeviceRequest,
    operation: str,
    form: ByUserForm,
    query: dict[str, Any],
    page: Page[Device] | None,
    names: Names,
    verdict: Verdict,
) -> dict[str, Any]:
    access, here = request.access, reverse(VIEW_NAMES[operation])
    mine = _mine(access, query["email"])

    def url(**changes: Any) -> str:
        wanted = query | {"checked": "", "show": ""} | changes
        return here + query_string(
            email=wanted["email"],
            org=wanted["org"],
            page=wanted["page"] if wanted["page"] > 1 else "",
            size=size_param(wanted, request.preferences.page_size),
            checked=wanted["checked"],
            show=wanted["show"],
        )

    heading = _heading(operation, mine)
    where = names.organization(query["org"] or access.org_id) or _("your organization")
    headline = _headline(operation, page, query, where, mine=mine) if page else _lead(operation)
    return table(request, page, names, query, url) | {
        "form": form,
        "query": query,
        "here": here,
        "owned": operation == OWNED,
        "mine": mine,
        "person": shorten(query["email"], 60),
        "empty_note": _empty_note(operation, query["email"], where, names),
        "heading": heading,
        "headline": headline,
        "page_title": page_title(heading if mine else headline, page),
        "where": where,
        "elsewhere": url(org=None, page=1) if query["org"] not in (None, access.org_id) else "",
        "own_org": names.organization(access.org_id),
        "size_param": size_param(query | {"page": 1}, request.preferences.page_size),
        "notices": form.warnings() + duplicates_notice(page),
        "owner_prefix": "" if operation == OWNED else owner_url_prefix(access),
        "order_note": _("in the platform's order"),
        "organizations": organization_choices(names) if operation == OWNED else [],
        "refused": "email" in form.errors,
        "verdict": verdict,
        "others": judge(operation, access, other=True),
        "search": judge("search_devices", access),
        "pick_url": reverse("devices:pick-user") if judge("search_users", access).allowed else "",
        "only_own": access.only_own,
        "my_url": my_devices_url(access),
        "other_lists": _person_lists(access, operation, query["email"]),
        "create": gate_write(request, judge("create_device", access)),
        "section": "devices" if access.only_own else "owners",
    }


def _person_lists(access: Access, operation: str, email: str) -> list[PersonListLink]:
    """Both lists of this person; none without an e-mail, or where one of them is not permitted."""
    other = not _mine(access, email)
    if not email or not all(judge(each, access, other=other).allowed for each in VIEW_NAMES):
        return []
    return [
        PersonListLink(words, reverse(VIEW_NAMES[each]) + query_string(email=email), each == operation)
        for each, words in ((OWNED, _("Owned")), (VISIBLE, _("Can be seen")))
    ]


def _heading(operation: str, mine: bool) -> str:
    if operation == VISIBLE:
        return _("Devices a user can see")
    return _("My devices") if mine else _("Devices by owner")


def _lead(operation: str) -> str:
    if operation == VISIBLE:
        return _("All devices that a person can see.")
    return _("The devices that a person owns in one organization.")


def _empty_note(operation: str, email: str, where: str, names: Names) -> str:
    """Why a list is empty, as far as the names tell: the API gives an unknown e-mail the same response."""
    if email.casefold() not in {known.casefold() for known in names.owners.values()}:
        return _(
            "The platform gives the same answer for an unknown e-mail and one without devices. Check the spelling."
        )
    if operation == VISIBLE:
        return _("This person has an account, but can see no device that you can see.")
    return _("This person has an account, but owns no device in %s. Sub-organizations are not included.") % where


def _headline(operation: str, page: Page[Device], query: dict[str, Any], where: str, *, mine: bool) -> str:
    """Without the number of devices if the API does not tell the total."""
    values = {"person": shorten(query["email"], 60), "where": where}
    if page.total is None:
        words = {
            (OWNED, True): _("What you own in %(where)s"),
            (OWNED, False): _("What %(person)s owns in %(where)s"),
            (VISIBLE, True): _("What you can see"),
            (VISIBLE, False): _("What %(person)s can see"),
        }[operation, mine]
        return words % values
    n = page.total
    words = {
        (OWNED, True): ngettext("%(n)s device that you own in %(where)s", "%(n)s devices that you own in %(where)s", n),
        (OWNED, False): ngettext(
            "%(n)s device of %(person)s in %(where)s", "%(n)s devices of %(person)s in %(where)s", n
        ),
        (VISIBLE, True): ngettext("%(n)s device that you can see", "%(n)s devices that you can see", n),
        (VISIBLE, False): ngettext("%(n)s device that %(person)s can see", "%(n)s devices that %(person)s can see", n),
    }[operation, mine]
    return words % (values | {"n": number(n)})
