"""Switches for what the API's documents leave open. Set one while the sandbox runs by
`POST /_sandbox/switches {"name": value}`, or at the start by `--switch name=value`. `python -m sandbox switches` lists
them."""

from __future__ import annotations

from typing import NamedTuple

Value = str | bool | float


class Switch(NamedTuple):
    """`choices` empty: a boolean (on, off) or a number of at least 0, by the type of the default."""

    default: Value
    about: str
    choices: tuple[str, ...] = ()


SWITCHES: dict[str, Switch] = {
    # Signing in
    "sign_in_name": Switch("any", "Name of the parameter with the e-mail", ("any", "username", "email")),
    "token_parameters": Switch("any", "Where token parameters are read", ("any", "query", "form")),
    "invalid_client_status": Switch("400", "Status for a wrong client", ("400", "401")),
    "access_lifetime": Switch(86400.0, "Seconds that an access token lives"),
    "refresh_lifetime": Switch(86400.0, "Seconds that a refresh token lives"),
    "refresh_tokens": Switch(True, "Token responses include a refresh token"),
    "refresh_grace": Switch(0.0, "Seconds for which a used refresh token still works"),
    "refresh_reuse": Switch(
        "refused", "A used refresh token: refused, or its whole family ends", ("refused", "family")
    ),
    "refresh_ends_access": Switch(False, "A refresh ends the older access tokens of its family"),
    "platform_scope": Switch(True, "The client may use the Platform API; off: 403 on every call"),
    # Shape of errors
    "unauthorized_body": Switch("nested", "Body of a 401", ("nested", "flat", "empty")),
    "forbidden_body": Switch("nested", "Body of a 403", ("nested", "empty")),
    "check_order": Switch("permission", "Which is checked first", ("permission", "validation")),
    "hidden_device": Switch("403", "A device in reach that the caller may not see", ("403", "404")),
    "retry_after": Switch(0.0, "Seconds in Retry-After of a 429; 0: no header"),
    "org_rate_limit": Switch(0.0, "Calls a minute for an organization (the real one: 10000); 0: no limit"),
    # Lists and shapes
    "size_out_of_range": Switch("400", "A page size outside 1..1000", ("400", "clamp")),
    "total_elements": Switch("sometimes", "totalElements where it is optional", ("sometimes", "always", "never")),
    "original_template_id": Switch(True, "Devices have originalTemplateId"),
    "unknown_members": Switch(True, "Some responses have undocumented members"),
    "metafield_shape": Switch("object", "A metafield's value", ("object", "string")),
    "bad_sort": Switch("400", "An unknown sortBy", ("400", "ignore")),
    "bad_event_type": Switch("400", "An unknown timeline filter", ("400", "ignore")),
    "search_sub_orgs": Switch(False, "Device search also looks into sub-organizations"),
    "search_delay": Switch(0.0, "Seconds until search finds a new or renamed device"),
    "by_owner_sub_orgs": Switch(False, "by-owner also looks into sub-organizations"),
    "unknown_email": Switch("empty", "by-owner and by-user-org with an unknown e-mail", ("empty", "404")),
    "sub_organizations": Switch("all", "sub-organizations lists all below, or children only", ("all", "direct")),
    "client_reach": Switch("subtree", "Reach of an organization token by id", ("subtree", "organization")),
    "client_profile": Switch("403", "user/profile with an organization token", ("403", "400")),
    # Writes
    "name_letters": Switch("unicode", "Letters in device names", ("unicode", "ascii")),
    "create_status": Switch("201", "Status of a created device", ("201", "200")),
    "create_owner": Switch("caller", "Owner of a device created without one by a person", ("caller", "none")),
    "org_after_owner": Switch("moves", "Transfer to an owner of another organization", ("moves", "stays")),
    "owner_after_org": Switch("cleared", "Owner after a transfer to an organization", ("cleared", "kept")),
    "same_org": Switch("400", "Transfer to the organization it is in", ("400", "204")),
    "unready_owner": Switch("400", "A new owner who is Pending or Suspended", ("400", "404")),
    "unowned_removal": Switch("204", "Removing the owner of a device without one", ("204", "400")),
    "clear_values": Switch(False, "Clearing also drops the current values"),
    "clear_logs": Switch(False, "Clearing also drops the user-action log"),
    "metafield_numbers": Switch(False, "newValue may be a JSON number"),
    "metafield_empty": Switch("clear", "An empty newValue for an optional field", ("clear", "400")),
    "metafield_likely": Switch(True, "Types that are only likely to be writable as text can be written"),
    "timeline_delay": Switch(3.0, "Seconds until a triggered event shows"),
    "events_a_day": Switch(100.0, "Triggered events a day and device; 0: no limit"),
    "event_gap": Switch(1.0, "Minimum seconds between two events with one code on a device; 0: none"),
    "event_limit": Switch("429", "Response when an event limit is reached", ("429", "400", "silent")),
}

_at_start: dict[str, Value] = {}
_now: dict[str, Value] = {}


def parse(name: str, raw: object) -> Value:
    """Parse a switch's value from text or JSON. Raises ValueError with a message."""
    switch = SWITCHES.get(name)
    if switch is None:
        raise ValueError(f"There is no switch {name!r}.")
    if switch.choices:
        if str(raw) in switch.choices:
            return str(raw)
        raise ValueError(f"{name} is one of {', '.join(switch.choices)}.")
    if isinstance(switch.default, bool):
        known = {"on": True, "true": True, "off": False, "false": False}
        if str(raw).lower() in known:
            return known[str(raw).lower()]
        raise ValueError(f"{name} is on or off.")
    try:
        number = float(str(raw))
    except ValueError:
        number = -1.0
    if 0 <= number < float("inf"):
        return number
    raise ValueError(f"{name} is a number of at least 0.")


def set_switches(values: dict[str, object]) -> None:
    """Set several switches, all or none. Raises ValueError."""
    parsed = {name: parse(name, raw) for name, raw in values.items()}
    _now.update(parsed)


def start_with(values: dict[str, object]) -> None:
    """Set the command line's values, to which `restore` returns."""
    _at_start.update({name: parse(name, raw) for name, raw in values.items()})
    restore()


def restore() -> None:
    _now.clear()
    _now.update(_at_start)


def get(name: str) -> Value:
    return _now.get(name, SWITCHES[name].default)


def on(name: str) -> bool:
    return get(name) is True


def number(name: str) -> float:
    value = get(name)
    assert isinstance(value, float)  # noqa: S101 - guaranteed by `parse`  # nosec B101
    return value


def current() -> dict[str, Value]:
    return {name: get(name) for name in SWITCHES}
