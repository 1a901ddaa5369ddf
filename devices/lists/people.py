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
from devices.lists.forms import OwnedForm, VisibleForm
from devices.lists.table import shown_once, size_in_address, table
from devices.ui.read_errors import panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write

OWNED, VISIBLE = "list_devices_by_owner", "list_devices_by_user"
VIEW_NAMES = {OWNED: "devices:device-by-owner", VISIBLE: "devices:device-by-user"}


class PersonListLink(NamedTuple):
    """The other question about the same person, as a link; `current` is the one that this page answers."""

    words: str
    url: str
    current: bool


@require_safe
def device_by_owner(request: DeviceRequest) -> HttpResponse:
    """`GET /device/by-owner`: "My devices", and for those who may, somebody else's."""
    if request.access.only_own and not request.GET.get("email"):
        return redirect(my_devices_url(request.access))
    return _devices_of(request, OWNED, OwnedForm(request.GET))


@require_safe
def device_by_user(request: DeviceRequest) -> HttpResponse:
    """`GET /device/by-user-org`: what a person can see, which may be more than they own, or less."""
    return _devices_of(request, VISIBLE, VisibleForm(request.GET))


def _devices_of(request: DeviceRequest, operation: str, form: VisibleForm) -> HttpResponse:
    """One call, or none where there is no e-mail yet or it may not be asked about; that is said in the list's place."""
    require(request, operation)
    query = {"org": None} | form.settle(rows=request.preferences.page_size)
    names = names_for(request.gateway, request.access)
    verdict = judge(operation, request.access, other=not _mine(request.access, query["email"]))
    asks = bool(query["email"]) and verdict.allowed
    found = try_read(request.gateway, lambda each: _read(each, operation, query, names)) if asks else None
    failed = found if isinstance(found, GatewayError) else None
    page = None if isinstance(found, GatewayError) else found
    status = 422 if "email" in form.errors else 403 if query["email"] and not asks else 200
    context = _context(request, operation, form, query, page, names, verdict)
    context["trouble"] = panel_error(request, failed, context["heading"]) if failed else None
    status = failed.status if failed else status
    response = answer(request, "lists/people.html", "lists/_people_results.html", context, status=status)
    return with_retry_after(response, failed) if failed else response


def _mine(access: Access, email: str) -> bool:
    return bool(access.user_id) and email.casefold() == access.email.casefold()


def _read(gateway: Gateway, operation: str, query: dict[str, Any], names: Names) -> Page[Device]:
    """An unknown e-mail is an empty page or a 404, as the API likes; both mean that there is nothing to show."""
    number_, size = query["page"] - 1, query["size"]
    try:
        if operation == OWNED:
            return gateway.list_devices_by_owner(query["email"], org_id=query["org"], page=number_, size=size)
        return gateway.list_devices_by_user(query["email"], page=number_, size=size)
    except NotFound:
        if query["org"] and query["org"] not in names.organizations:
            raise  # then it may as well be the organization that is not found
        return Page((), number_, size, 0)


def _context(
    request: DeviceRequest,
    operation: str,
    form: VisibleForm,
    query: dict[str, Any],
    page: Page[Device] | None,
    names: Names,
    verdict: Verdict,
) -> dict[str, Any]:
    access, here = request.access, reverse(VIEW_NAMES[operation])
    mine = _mine(access, query["email"])

    def url(**changes: Any) -> str:
        return here + _query(query | {"checked": "", "show": ""} | changes, request.preferences.page_size)

    own = names.organization(access.org_id)
    where = names.organization(query["org"] or access.org_id) or _("your organization")
    return table(request, page, names, query, url) | {
        "form": form,
        "query": query,
        "here": here,
        "owned": operation == OWNED,
        "mine": mine,
        "person": shorten(query["email"], 60),
        "empty_note": _nothing(operation, query["email"], where, names),
        "heading": _heading(operation, mine),
        "headline": _headline(operation, page, query, where, mine=mine) if page else _question(operation),
        "where": where,
        "elsewhere": url(org=None, page=1) if query["org"] not in (None, access.org_id) else "",
        "own_org": own,
        "said_size": size_in_address(query | {"page": 1}, request.preferences.page_size),
        "notices": form.warnings() + shown_once(page),
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
        "ways": _person_list_links(access, operation, query["email"]),
        "create": gate_write(request, judge("create_device", access)),
        "section": "devices" if access.only_own else "owners",
    }


def _query(query: dict[str, Any], rows: int) -> str:
    return query_string(
        email=query["email"],
        org=query["org"],
        page=query["page"] if query["page"] > 1 else "",
        size=size_in_address(query, rows),
        checked=query["checked"],
        show=query["show"],
    )


def _person_list_links(access: Access, operation: str, email: str) -> list[PersonListLink]:
    """Empty without an e-mail, and where the other question would be refused."""
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


def _question(operation: str) -> str:
    if operation == VISIBLE:
        return _("What a person can see, whoever owns it.")
    return _("What a person owns, in one organization.")


def _nothing(operation: str, email: str, where: str, names: Names) -> str:
    """Why a list is empty, as far as anybody knows: the API answers the same to an e-mail that it never heard of."""
    if email.casefold() not in {known.casefold() for known in names.owners.values()}:
        return _("The platform does not tell an unknown e-mail from one without devices. Check how it is written.")
    if operation == VISIBLE:
        return _("This person is known here, and their role shows them no device within your reach.")
    return _("This person is known here, and owns none in %s. Sub-organizations are not included.") % where


def _headline(operation: str, page: Page[Device], query: dict[str, Any], where: str, *, mine: bool) -> str:
    """Without a total, none is named."""
    told = {"person": shorten(query["email"], 60), "where": where}
    if page.total is None:
        words = {
            (OWNED, True): _("What you own in %(where)s"),
            (OWNED, False): _("What %(person)s owns in %(where)s"),
            (VISIBLE, True): _("What you can see"),
            (VISIBLE, False): _("What %(person)s can see"),
        }[operation, mine]
        return words % told
    n = page.total
    words = {
        (OWNED, True): ngettext("%(n)s device that you own in %(where)s", "%(n)s devices that you own in %(where)s", n),
        (OWNED, False): ngettext(
            "%(n)s device of %(person)s in %(where)s", "%(n)s devices of %(person)s in %(where)s", n
        ),
        (VISIBLE, True): ngettext("%(n)s device that you can see", "%(n)s devices that you can see", n),
        (VISIBLE, False): ngettext("%(n)s device that %(person)s can see", "%(n)s devices that %(person)s can see", n),
    }[operation, mine]
    return words % (told | {"n": number(n)})
