"""Metafield types: how each is shown, whether and how it is edited, what is checked before the API is asked.

The API sends `value` as an object chosen by its `type` member; older servers send a plain scalar. Names of types vary
in case between versions, so they are compared without it. A type that is not in the table is readable text, no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules
from devices.core.text import clean
from devices.gateway.types import Metafield
from devices.metafields import display, readback, validation
from devices.metafields.validation import InvalidValue, Raw

__all__ = ["KINDS", "FieldView", "InvalidValue", "Kind", "view_of"]


@dataclass(frozen=True)
class Kind:
    """A type's row in the table. `write` follows what the API's documents say of setting it with one string: "yes",
    "likely" (edited only where the deployment says so), "unclear" or "no" (read-only, with the reason)."""

    label: Any
    write: str = "no"
    show: Callable[[Raw], list[str]] = display.plain
    check: Callable[[str, Raw], str] = validation.any_text
    control: str = "text"
    hint: Any = ""
    caution: Callable[[Raw], str] = field(default=lambda raw: "")


UNKNOWN = Kind("", show=display.anything)

KINDS: dict[str, Kind] = {
    "text": Kind(gettext_lazy("Text"), "yes"),
    "number": Kind(gettext_lazy("Number"), "yes", display.with_unit, validation.number, "number"),
    "int": Kind(gettext_lazy("Whole number"), "yes", display.with_unit, validation.integer, "number"),
    "measurement": Kind(gettext_lazy("Number with unit"), "likely", display.with_unit, validation.number, "number"),
    "email": Kind(gettext_lazy("E-mail"), "likely", check=validation.email, control="email"),
    "list": Kind(gettext_lazy("List"), "yes", display.selected, validation.option, "select"),
    "switch": Kind(gettext_lazy("Switch"), "unclear"),
    "imei": Kind(
        gettext_lazy("IMEI"),
        "yes",
        check=validation.imei,
        hint=gettext_lazy("15 digits"),
        caution=validation.short_imei,
    ),
    "iccid": Kind(gettext_lazy("ICCID"), "yes", hint=gettext_lazy("Usually 18 to 22 digits")),
    "time": Kind(gettext_lazy("Time"), "unclear", display.time, caution=display.unsure_times),
    "range": Kind(gettext_lazy("Time range"), "no", display.time_range, caution=display.unsure_times),
    "shift": Kind(gettext_lazy("Shifts"), "no", display.shifts, caution=display.unsure_times),
    "contact": Kind(gettext_lazy("Contact"), "no", display.contact),
    "address": Kind(gettext_lazy("Address"), "no", display.address),
    "location": Kind(gettext_lazy("Location"), "no", display.location),
    "coordinates": Kind(gettext_lazy("Coordinates"), "unclear", display.coordinates),
    "cost": Kind(gettext_lazy("Cost"), "no", display.cost),
    "devicereference": Kind(gettext_lazy("Device reference"), "unclear", display.device_reference),
    "table": Kind(gettext_lazy("Table"), "unclear", display.rows),
    "multitext": Kind(gettext_lazy("Several texts"), "no", display.values),
    "image": Kind(gettext_lazy("Image"), "unclear"),
    "devicename": Kind(gettext_lazy("Device name"), "no"),
    "deviceowner": Kind(gettext_lazy("Device owner"), "no"),
    "tz": Kind(gettext_lazy("Time zone"), "likely", check=validation.zone, control="select"),
    "hotspotname": Kind(gettext_lazy("Hotspot name"), "yes"),
    "templateid": Kind(gettext_lazy("Template id"), "no", display.selected),
    "firmwareupdatecontrol": Kind(gettext_lazy("Firmware update control"), "unclear"),
    "unitconversionswitch": Kind(gettext_lazy("Unit conversion switch"), "unclear", display.anything),
    "deviceeui": Kind(
        gettext_lazy("Device EUI"),
        "likely",
        check=validation.hexadecimal(16),
        hint=gettext_lazy("16 hexadecimal characters"),
    ),
    "joineui": Kind(
        gettext_lazy("Join EUI"),
        "likely",
        check=validation.hexadecimal(16),
        hint=gettext_lazy("16 hexadecimal characters"),
    ),
    "applicationkey": Kind(
        gettext_lazy("Application key"),
        "likely",
        check=validation.hexadecimal(32),
        control="secret",
        hint=gettext_lazy("32 hexadecimal characters"),
    ),
    "bluesdevice": Kind(gettext_lazy("Blues device"), "likely"),
    "myriotaterminalid": Kind(gettext_lazy("Myriota terminal id"), "likely"),
    "thethingsnetworkdeviceid": Kind(gettext_lazy("The Things Network device id"), "likely"),
    "thingname": Kind(gettext_lazy("Thing name"), "likely"),
}

INSTEAD = {"devicename": "rename", "deviceowner": "transfer-to-owner"}
"""Types that are the device's own name or owner, and the address of the form that changes it."""


@dataclass(frozen=True)
class FieldView:
    """One metafield, ready for a page. `lines` is empty where the field is; `href` only ever an http(s) address.

    `device_id`: the device that it points at, 0 for none. `caution`: what is odd about the value it holds.
    `instead`: the action that changes it, where it is the device's own name or owner: those have forms of their own.
    """

    id: int
    name: str
    type: str
    label: str
    lines: list[str]
    mandatory: bool = False
    href: str = ""
    device_id: int = 0
    instead: str = ""
    caution: str = ""
    secret: bool = False
    editable: bool = False
    why_not: str = ""
    value: str = ""
    control: str = "text"
    attrs: dict[str, Any] = field(default_factory=dict)
    unit: str = ""
    hint: str = ""
    raw: Raw = field(default_factory=dict, repr=False)

    @property
    def options(self) -> Sequence[str]:
        """What a select offers: only an editor asks, so that a row does not pay for hundreds of zones."""
        known = _kind(self.type)[0]
        return validation.zones() if known == "tz" else validation.options(self.raw) if known == "list" else ()

    @property
    def missing(self) -> bool:
        return self.mandatory and not self.lines

    def check(self, value: str) -> str:
        """Return the text to send, or raise InvalidValue. The bound of 200 characters is the API's for every type."""
        value = value.strip()
        if not value:
            if self.secret and self.lines:
                raise InvalidValue(_("Nothing was entered, so it stays unchanged. Enter a new value to replace it."))
            if self.secret or self.mandatory:
                raise InvalidValue(_("This field is required. Enter a value."))
            return value
        if len(value) > api_rules.METAFIELD_VALUE_MAX:
            raise InvalidValue(
                _("Use at most %d characters. This has %d.") % (api_rules.METAFIELD_VALUE_MAX, len(value))
            )
        return _kind(self.type)[1].check(value, self.raw)

    @property
    def present(self) -> str:
        """What it holds, to be compared only: a secret too."""
        return readback.held(_kind(self.type)[0], self.raw)

    @property
    def masked(self) -> bool:
        """Whether something stands in the place of its value, so that nothing can be compared with it."""
        return readback.masked(_kind(self.type)[0], self.raw)

    def holds(self, sent: str) -> bool:
        """Whether this, read after a write, is what was sent."""
        return readback.same(_kind(self.type)[0], self.raw, sent)

    def unchanged_by(self, sent: str) -> bool:
        """Whether this, read before a write, would be the same after it."""
        return readback.unchanged(_kind(self.type)[0], self.raw, sent)


def present(metafield: Metafield) -> FieldView:
    """`view_of` as this deployment has set it."""
    return view_of(metafield, likely=settings.METAFIELDS_LIKELY)


def view_of(metafield: Metafield, *, likely: bool) -> FieldView:
    """Present one metafield. `likely`: also edit the types that can probably be set (a setting of the deployment)."""
    raw = _raw(metafield.value)
    sent_type = raw.get("type")
    type_name = sent_type if isinstance(sent_type, str) else ""
    known, kind = _kind(type_name)
    lines = [clean(line) for line in kind.show(raw) if line]
    editable = (metafield.id or 0) > 0 and (kind.write == "yes" or (kind.write == "likely" and likely))
    secret = known == "applicationkey"
    return FieldView(
        id=metafield.id or 0,
        name=clean(metafield.name or "") or _("Metafield %d") % (metafield.id or 0),
        type=type_name,
        label=str(kind.label) if known else (clean(type_name) or _("Type not told")),
        lines=[_("Hidden")] if secret and lines else lines,
        mandatory=bool(metafield.is_mandatory),
        href=_href(known, raw),
        device_id=display.device_referred_to(raw) if known == "devicereference" else 0,
        instead=INSTEAD.get(known, ""),
        caution=kind.caution(raw),
        secret=secret,
        editable=editable,
        why_not="" if editable else _why_not(known, kind),
        value="" if secret else _typed(known, raw),
        control=_control(known, kind, raw),
        attrs=_attrs(known, raw),
        unit=clean(str(raw.get("units") or "")),
        hint=_bounds_in_words(known, raw) or str(kind.hint),
        raw=raw,
    )


def _raw(value: Any) -> Raw:
    """The value object; a plain string from an older server reads as Text, another scalar has no known type."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        return {"type": "Text", "value": value}
    return {} if value is None else {"value": value}


def _kind(type_name: str) -> tuple[str, Kind]:
    """The table's key and row; an unknown type gets an empty key and the read-only row."""
    key = re.sub(r"[^a-z0-9]", "", type_name.lower())
    return (key, KINDS[key]) if key in KINDS else ("", UNKNOWN)


def _why_not(known: str, kind: Kind) -> str:
    if known == "devicename":
        return _("Rename the device instead")
    if known == "deviceowner":
        return _("Transfer the device instead")
    if not known:
        return _("Read-only: the portal does not know this type")
    if kind.write == "no":
        return _("Read-only: the platform takes no text for this type")
    return _("Read-only: how the platform takes this type is not certain")


def _typed(known: str, raw: Raw) -> str:
    """What the editor starts with."""
    lines = display.selected(raw) if known == "list" else display.plain(raw)
    return lines[0] if lines else ""


def _control(known: str, kind: Kind, raw: Raw) -> str:
    """A list whose options were not told is typed."""
    return "text" if known == "list" and not validation.options(raw) else kind.control


def _attrs(known: str, raw: Raw) -> dict[str, Any]:
    """Attributes of the `<input>`. No `maxlength`: it would cut a pasted value without a word."""
    if known in ("number", "measurement", "int"):
        step = raw.get("step")
        attrs: dict[str, Any] = {"step": step if isinstance(step, (int, float)) and step > 0 else "any"}
        if known == "int":
            attrs["step"] = 1
        if limits := validation.bounds(raw):
            attrs |= {"min": limits[0], "max": limits[1]}
        return attrs
    return {"inputmode": "numeric"} if known in ("imei", "iccid") else {}


def _bounds_in_words(known: str, raw: Raw) -> str:
    if known not in ("number", "measurement", "int") or not (limits := validation.bounds(raw)):
        return ""
    return _("From %s to %s") % (display.scalar(limits[0])[0], display.scalar(limits[1])[0])


def _href(known: str, raw: Raw) -> str:
    """A map for a place, the address of an image; never any other scheme, whatever the API sends."""
    if known in ("coordinates", "location") and (where := display.point(raw)):
        lat, lon = f"{where[0]:.5f}", f"{where[1]:.5f}"
        return f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=16/{lat}/{lon}"
    address = raw.get("value")
    if known == "image" and isinstance(address, str):
        try:
            return address if urlsplit(address).scheme in ("https", "http") else ""
        except ValueError:
            return ""
    return ""
