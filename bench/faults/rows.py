"""The page, fragment or form that leads to each operation of the gateway."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from devices.ui.tabs import TABS
from tests.change_examples import OPERATIONS, Change
from tests.contract.checker import contract
from tests.contract.table import methods

DEVICE = "/devices/3"
"""A device that no row changes."""
CLIENT_REFUSED = (503, "The platform does not accept this portal.")
"""The only meaning of a 401 to a token that is seconds old."""


class Row(NamedTuple):
    """`call`: method and path of the operation's call, without the common path.

    `wave`: rows of one wave meet their faults together, so what others depend on has an earlier wave. `optional`: a
    failure of this call costs a word, or a name that shows as its id. `also`: a status that is right as well, and its
    words.
    """

    operation: str
    call: tuple[str, str]
    page: str
    wave: int
    optional: bool = False
    form: dict[str, str] | None = None
    change: Change | None = None
    sign_in: bool = False
    also: tuple[int, str] = (0, "")


def _get(operation: str, page: str, wave: int = 2, *, optional: bool = False, also: tuple[int, str] = (0, "")) -> Row:
    return Row(operation, ("GET", contract().path_of(operation)), page, wave, optional, also=also)


def _at_sign_in(operation: str, wave: int, *, optional: bool = False, also: tuple[int, str] = (0, "")) -> Row:
    row = _get(operation, "/sign-in/", wave, optional=optional, also=also)
    return row._replace(sign_in=True)


READS = [
    # What other rows depend on
    _get("get_base_info", f"{DEVICE}/rename/", 1),
    _get("list_templates", "/devices/new/", 1, optional=True),
    _get("list_template_events", f"{DEVICE}/trigger-event/", optional=True),
    Row("reveal_token", ("GET", "/device/baseInfo"), f"{DEVICE}/reveal-token/", 1, form={"reason": "faults"}),
    # What no other row depends on
    _get("list_devices", "/devices/"),
    _get("search_devices", "/devices/?q=cold"),
    _get("list_devices_by_owner", "/devices/by-owner/?email=ana.lund@example.org"),
    _get("list_devices_by_user", "/devices/by-user/?email=ana.lund@example.org"),
    _get("list_last_activated", "/devices/recent/?minutes=60"),
    _get("get_device", f"{DEVICE}/"),
    _get("get_online", f"{DEVICE}/online/", optional=True),
    *(_get(tab.operation, f"{DEVICE}/{tab.name}/") for tab in TABS if tab.operation),
    _get("search_organizations", "/devices/pick/organization/?q=halden"),
    _get("search_users", "/devices/pick/user/?q=lund"),
    _get("get_user", f"{DEVICE}/transfer-to-owner/?owner=12", optional=True),
    # An id without a known name is looked up, and is not found.
    _get(
        "get_organization",
        f"{DEVICE}/transfer-to-organization/?org_id=77",
        optional=True,
        also=(422, "There is no organization 77 within your reach."),
    ),
    # Sign-in
    _at_sign_in("list_sub_organizations", 2, optional=True),
    _at_sign_in("list_users", 2, optional=True),
    _at_sign_in("get_user_profile", 3, also=CLIENT_REFUSED),
    _at_sign_in("get_own_organization", 4, optional=True),
    Row("issue_token", ("POST", "/oauth2/token"), "/sign-in/", 5, sign_in=True, also=CLIENT_REFUSED),
]
WRITES = 3
"""The wave of the writes."""


def of_changes(changes: list[Change]) -> list[Row]:
    """The query of a form's address is in the form as well, since nobody opens the form."""
    rows = []
    for change in changes:
        form = dict(parse_qsl(urlsplit(change.page).query)) | change.filled
        row = Row(change.operation, change.call, change.path, WRITES, form=form, change=change)
        incomplete = (422, "The receipt is not complete, so nothing was done yet.")
        rows.append(row._replace(also=incomplete) if change.kind.before_lock else row)
    return rows


def missing_rows() -> set[str]:
    """Operations of the gateway that no row leads to."""
    return methods().keys() - {row.operation for row in READS} - set(OPERATIONS)
