"""What leads to each operation of the gateway: a page, a fragment or a form."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from devices.ui.tabs import TABS
from tests.change_examples import OPERATIONS, Write
from tests.contract.checker import contract
from tests.contract.table import VERBS, methods

DEVICE = f"/devices/{3}"
"""Of one that no change here is made to."""
TOKEN = ("POST", "/oauth2/token")
NOT_US = (503, "The platform does not accept this portal.")
"""What a 401 to a token that is seconds old can only mean."""


class Row(NamedTuple):
    """`call`: method and path of the operation's call, without the common path.

    `wave`: rows of one wave meet their faults together, so what others need comes in a wave of its own. `alone`: a
    failure of this call is no more than a word somewhere, or a name that shows as its number. `also`: a status that is
    true as well, and its words.
    """

    operation: str
    call: tuple[str, str]
    page: str
    wave: int
    alone: bool = False
    form: dict[str, str] | None = None
    write: Write | None = None
    sign_in: bool = False
    also: tuple[int, str] = (0, "")


def _get(operation: str, path: str, page: str, wave: int, *, alone: bool = False) -> Row:
    return Row(operation, ("GET", path), page, wave, alone)


READS = [
    # What everything else rests on
    _get("get_base_info", "/device/baseInfo", f"{DEVICE}/rename/", 1),
    _get("list_templates", "/templates", "/devices/new/", 1, alone=True),
    _get("list_template_events", "/template/events", f"{DEVICE}/trigger-event/", 2, alone=True),
    Row("reveal_token", ("GET", "/device/baseInfo"), f"{DEVICE}/reveal-token/", 1, form={"reason": "faults"}),
    # What stands alone
    _get("list_devices", "/devices", "/devices/", 2),
    _get("search_devices", "/search/devices", "/devices/?q=cold", 2),
    _get("list_devices_by_owner", "/device/by-owner", "/devices/by-owner/?email=ana.lund@example.org", 2),
    _get("list_devices_by_user", "/device/by-user-org", "/devices/by-user/?email=ana.lund@example.org", 2),
    _get("list_last_activated", "/device/last-activated", "/devices/recent/?minutes=60", 2),
    _get("get_device", "/device", f"{DEVICE}/", 2),
    _get("get_online", "/device/online", f"{DEVICE}/online/", 2, alone=True),
    *(_get(tab.operation, contract().path_of(tab.operation), f"{DEVICE}/{tab.name}/", 2) for tab in TABS if tab.ask),
    _get("search_organizations", "/search", "/devices/pick/organization/?q=halden", 2),
    _get("search_users", "/search/users", "/devices/pick/user/?q=lund", 2),
    _get("get_user", "/user", f"{DEVICE}/transfer-to-owner/?owner=12", 2, alone=True),
    # A number that no name at hand has: who may look it up does, and is told that it is not there.
    _get("get_organization", "", f"{DEVICE}/transfer-to-organization/?org_id=77", 2, alone=True)._replace(
        also=(422, "There is no organization 77 within your reach.")
    ),
    # Signing in
    Row("list_sub_organizations", ("GET", "/sub-organizations"), "/sign-in/", 2, alone=True, sign_in=True),
    Row("list_users", ("GET", "/users"), "/sign-in/", 2, alone=True, sign_in=True),
    Row("get_user_profile", ("GET", "/user/profile"), "/sign-in/", 3, sign_in=True, also=NOT_US),
    Row("get_own_organization", ("GET", "/profile"), "/sign-in/", 4, alone=True, sign_in=True),
    Row("issue_token", TOKEN, "/sign-in/", 5, sign_in=True, also=NOT_US),
]
WRITES = 3
"""Their wave."""


def of_writes(writes: list[Write]) -> list[Row]:
    """What stands in a form's address is in the form as well, where nobody has to open it."""
    filled = {each.name: dict(parse_qsl(urlsplit(each.page).query)) | each.filled for each in writes}
    rows = [
        Row(OPERATIONS[each.name], each.call, each.path, WRITES, form=filled[each.name], write=each) for each in writes
    ]
    receipts = ("delete_device", "clear_device")
    slow = (422, "The receipt is not complete, so nothing was done yet.")
    return [row._replace(also=slow) if row.operation in receipts else row for row in rows]


def forgotten() -> set[str]:
    """Operations of the gateway that no row leads to."""
    calls = {name for name, it in methods().items() if (it.__doc__ or " ").split(None, 1)[0] in VERBS}
    reveal = {"reveal_token"} & methods().keys()
    return (calls | reveal) - {row.operation for row in READS} - set(OPERATIONS.values())
