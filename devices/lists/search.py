"""Lists of devices: the organization's list and the search."""

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
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, require, wants_partial
from devices.core.responses import answer, query_string
from devices.core.text import shorten
from devices.directory.names import Names, names_for, organization_choices
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError
from devices.gateway.pagination import Page
from devices.gateway.types import Device
from devices.lists.forms import SearchForm
from devices.lists.table import shown_once, size_in_address, table
from devices.ui.read_errors import panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write

SORTS = {"name": "Name", "id": "Device Id", "template": "Template Name", "firmware": "Firmware Version"} | {
    "board": "Model",
    "owner": "Device Owner",
    "activated": "Activated At",
    "organization": "Organization Id",
}
"""Columns of the table and the search's sort field that orders by them."""


@require_safe
def device_list(request: DeviceRequest) -> HttpResponse:
    """`GET /devices` of an organization, or with `q` `GET /search/devices`: one API call either way.

    Who may see only their own devices has one list, and is led to it.
    """
    form = SearchForm(request.GET)
    query = form.settle(rows=request.preferences.page_size)
    if request.access.only_own and not request.GET.get("q"):
        return redirect(my_devices_url(request.access))
    found = None if "q" in form.errors else try_read(request.gateway, lambda gateway: _read(request, gateway, query))
    failed = found if isinstance(found, GatewayError) else None
    page = None if isinstance(found, GatewayError) else found
    names = names_for(request.gateway, request.access)
    context = _context(request, form, query, page, names)
    context["trouble"] = (
        panel_error(request, failed, _("Devices"), retry_url=context["canonical_url"]) if failed else None
    )
    response = answer(
        request,
        "lists/search.html",
        "lists/_results.html",
        context,
        status=failed.status if failed else 422 if "q" in form.errors else 200,
    )
    if page and wants_partial(request) and request.htmx.current_url_abs_path != context["canonical_url"]:
        response["HX-Push-Url"] = context["canonical_url"]
    return with_retry_after(response, failed) if failed else response


def _read(request: DeviceRequest, gateway: Gateway, query: dict[str, Any]) -> Page[Device]:
    number_, size = query["page"] - 1, query["size"]
    if query["q"]:
        require(request, "search_devices")
        return gateway.search_devices(
            query["q"], sort_by=query["sort"] or None, sort_order=query["order"], page=number_, size=size
        )
    require(request, "list_devices")
    return gateway.list_devices(org_id=query["org"], include_sub_orgs=query["sub_orgs"], page=number_, size=size)


def _context(
    request: DeviceRequest, form: SearchForm, query: dict[str, Any], page: Page[Device] | None, names: Names
) -> dict[str, Any]:
    links = ListUrls(reverse("devices:device-list"), query, request.preferences.page_size)
    searching = bool(query["q"])
    return table(request, page, names, query, links.to) | {
        "form": form,
        "query": query,
        "searching": searching,
        "where": _where(query, names, request.access.org_id),
        "headline": _headline(page, query, names, request.access.org_id) if page else "",
        "notices": form.warnings() + _dropped(searching, query) + shown_once(page),
        "columns": _sort_links(links) if searching else None,
        "organizations": organization_choices(names),
        "said_size": size_in_address(query | {"page": 1}, request.preferences.page_size),
        "chips": _chips(query, links, names),
        "owner_prefix": owner_url_prefix(request.access),
        "order_note": "" if searching else _("in the platform's order: it sorts only a search"),
        "create": gate_write(request, judge("create_device", request.access)),
        "include_url": links.to(sub_orgs=True, page=1),
        "refused": "q" in form.errors,
        "canonical_url": links.to(checked=query["checked"], show=query["show"]),
    }


def _where(query: dict[str, Any], names: Names, own_org: int | None) -> str:
    """The organization that was listed. A search is always of one's own, whatever was chosen beside it."""
    org = own_org if query["q"] else query["org"] or own_org
    return names.organization(org) or _("your organization")


def _headline(page: Page[Device], query: dict[str, Any], names: Names, own_org: int | None) -> str:
    where = _where(query, names, own_org)
    total = page.total if page.total is not None else len(page.items)
    if query["q"]:
        words = ngettext("%(n)s device matches “%(q)s” in %(where)s", "%(n)s devices match “%(q)s” in %(where)s", total)
    elif query["sub_orgs"]:
        words = ngettext(
            "%(n)s device in %(where)s and its sub-organizations",
            "%(n)s devices in %(where)s and its sub-organizations",
            total,
        )
    else:
        words = ngettext("%(n)s device in %(where)s", "%(n)s devices in %(where)s", total)
    return words % {"n": number(total), "q": shorten(query["q"], 60), "where": where}


def _chips(query: dict[str, Any], links: ListUrls, names: Names) -> list[tuple[str, str]]:
    """Each filter in force, and the address of the list without it."""
    if query["q"]:
        return [(_("Search: “%s”") % shorten(query["q"], 40), links.to(q="", page=1))]
    chips = []
    if query["org"]:
        chips.append((_("In %s") % names.organization(query["org"]), links.to(org=None, page=1)))
    if query["sub_orgs"]:
        chips.append((_("Sub-organizations included"), links.to(sub_orgs=False, page=1)))
    return chips


def _dropped(searching: bool, query: dict[str, Any]) -> list[str]:
    """The search has no organization: say so rather than seem to have obeyed."""
    if searching and (query["org"] or query["sub_orgs"]):
        return [
            _("The platform searches your whole organization: the choice of organization does not apply to a search.")
        ]
    return []


class ListUrls:
    """Addresses of the same list with something else changed; empty and default values are left out.

    What was asked about the rows of this page (`checked`, `show`) goes with no other: it has to be given.
    """

    def __init__(self, path: str, query: dict[str, Any], rows: int) -> None:
        self.path = path
        self.query = query | {"checked": "", "show": ""}
        self.rows = rows

    def to(self, **changes: Any) -> str:
        query = {**self.query, **changes}
        searching = bool(query["q"])
        return self.path + query_string(
            q=query["q"],
            org="" if searching else query["org"],
            sub_orgs="" if searching else query["sub_orgs"],
            sort=query["sort"] if searching else "",
            order="DESC" if searching and query["sort"] and query["order"] == "DESC" else "",
            page=query["page"] if query["page"] > 1 else "",
            size=size_in_address(query, self.rows),
            checked=query["checked"],
            show=query["show"],
        )


class SortLink(NamedTuple):
    """A sortable head: where it leads and, if the list is ordered by it, which way."""

    url: str
    direction: str


def _sort_links(links: ListUrls) -> dict[str, SortLink]:
    columns = {}
    for name, field in SORTS.items():
        current = links.query["sort"] == field
        descending = current and links.query["order"] == "DESC"
        order = "DESC" if current and not descending else "ASC"
        direction = ("desc" if descending else "asc") if current else ""
        columns[name] = SortLink(links.to(sort=field, order=order, page=1), direction)
    return columns
