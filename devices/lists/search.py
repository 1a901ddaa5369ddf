"""The organization's list of devices, and the search."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

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
from devices.lists.table import duplicates_notice, page_title, size_param, table
from devices.ui.read_errors import panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write

SORTS = {"name": "Name", "id": "Device Id", "template": "Template Name", "firmware": "Firmware Version"} | {
    "board": "Model",
    "owner": "Device Owner",
    "activated": "Activated At",
    "organization": "Organization Id",
}
"""Columns of the table, with the sort field of the search."""


@require_safe
def device_list(request: DeviceRequest) -> HttpResponse:
    """`GET /devices` of an organization, or with `q` `GET /search/devices`: one API call either way."""
    form = SearchForm(request.GET)
    query = form.clean_with_defaults(rows=request.preferences.page_size)
    if request.access.only_own and not request.GET.get("q"):
        return redirect(my_devices_url(request.access))
    refused = "q" in form.errors
    found = None if refused else try_read(request.gateway, lambda gateway: _read(request, gateway, query))
    error, page = (found, None) if isinstance(found, GatewayError) else (None, found)
    context = _context(request, form, query, page, names_for(request.gateway, request.access))
    here = context["canonical_url"]
    context["read_error"] = panel_error(request, error, _("Devices"), retry_url=here) if error else None
    status = error.status if error else HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    response = answer(request, "lists/search.html", "lists/_results.html", context, status=status)
    if page and wants_partial(request) and request.htmx.current_url_abs_path != here:
        push_url(response, here)
    return with_retry_after(response, error) if error else response


def _read(request: DeviceRequest, gateway: Gateway, query: dict[str, Any]) -> Page[Device]:
    rows = {"page": query["page"] - 1, "size": query["size"]}
    if query["q"]:
        require(request, "search_devices")
        return gateway.search_devices(query["q"], sort_by=query["sort"] or None, sort_order=query["order"], **rows)
    require(request, "list_devices")
    return gateway.list_devices(org_id=query["org"], include_sub_orgs=query["sub_orgs"], **rows)


def _context(
    request: DeviceRequest, form: SearchForm, query: dict[str, Any], page: Page[Device] | None, names: Names
) -> dict[str, Any]:
    urls = ListUrls(reverse("devices:device-list"), query, request.preferences.page_size)
    searching = bool(query["q"])
    headline = _headline(page, query, names, request.access.org_id) if page else ""
    return table(request, page, names, query, urls.to) | {
        "form": form,
        "query": query,
        "searching": searching,
        "where": _where(query, names, request.access.org_id),
        "headline": headline,
        "page_title": page_title(headline or _("Devices"), page),
        "notices": form.warnings() + _ignored_filters(query) + duplicates_notice(page),
        "columns": _sort_links(urls) if searching else None,
        "organizations": organization_choices(names),
        "size_param": size_param(query | {"page": 1}, request.preferences.page_size),
        "chips": _chips(query, urls, names),
        "owner_prefix": owner_url_prefix(request.access),
        "order_note": "" if searching else _("in the platform's order: it sorts only a search"),
        "create": gate_write(request, judge("create_device", request.access)),
        "include_url": urls.to(sub_orgs=True, page=1),
        "refused": "q" in form.errors,
        "canonical_url": urls.to(checked=query["checked"], show=query["show"]),
    }


def _where(query: dict[str, Any], names: Names, own_org: int | None) -> str:
    """The name of the listed organization. A search is always of the person's own, whatever else was chosen."""
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


def _chips(query: dict[str, Any], urls: ListUrls, names: Names) -> list[tuple[str, str]]:
    """Each filter in force, with the address of the list without it."""
    if query["q"]:
        return [(_("Search: “%s”") % shorten(query["q"], 40), urls.to(q="", page=1))]
    chips = []
    if query["org"]:
        chips.append((_("In %s") % names.organization(query["org"]), urls.to(org=None, page=1)))
    if query["sub_orgs"]:
        chips.append((_("Sub-organizations included"), urls.to(sub_orgs=False, page=1)))
    return chips


def _ignored_filters(query: dict[str, Any]) -> list[str]:
    """The search has no parameter for an organization."""
    if query["q"] and (query["org"] or query["sub_orgs"]):
        return [
            _("The platform searches your whole organization: the choice of organization does not apply to a search.")
        ]
    return []


class ListUrls:
    """Addresses of the same list with other values. `checked` and `show`, of the rows of one page, only if given."""

    def __init__(self, path: str, query: dict[str, Any], page_size: int) -> None:
        self.path = path
        self.query = query | {"checked": "", "show": ""}
        self.page_size = page_size

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
            size=size_param(query, self.page_size),
            checked=query["checked"],
            show=query["show"],
        )


class SortLink(NamedTuple):
    """The link of a sortable head, and the direction ("asc", "desc") if the list is sorted by it."""

    url: str
    direction: str


def _sort_links(urls: ListUrls) -> dict[str, SortLink]:
    links = {}
    for name, field in SORTS.items():
        direction = urls.query["order"].lower() if urls.query["sort"] == field else ""
        order = "DESC" if direction == "asc" else "ASC"
        links[name] = SortLink(urls.to(sort=field, order=order, page=1), direction)
    return links
