"""Metafield types: how each is shown and edited, and what is checked before a value is sent.

The API sends `value` as an object with a `type` member; older servers send a plain scalar. The case of type names
varies between versions, so it is ignored. An unknown type is shown as text and is read-only.
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

__all__ = ["METAFIELD_TYPES", "FieldView", "InvalidValue", "MetafieldType", "view_of"]


@dataclass(frozen=True)
class MetafieldType:
    """One type. `write`: whether the API's documents allow setting it with one string: "yes", "likely" (editable only
    with the setting METAFIELDS_LIKELY), "unclear" or "no" (read-only, with the reason)."""

    label: Any
    write: str = "no"
    show: Callable[[Raw], list[str]] = display.plain
    check: Callable[[str, Raw], str] = validation.any_text
    control: str = "text"
    hint: Any = ""
    caution: Callable[[Raw], str] = field(default=lambda raw: "")


UNKNOWN_TYPE = MetafieldType("", show=display.anything)

METAFIELD_TYPES: dict[str, MetafieldType] = {
    "text": MetafieldType(gettext_lazy("Text"), "yes"),
    "number": MetafieldType(gettext_lazy("Number"), "yes", display.with_unit, validation.number, "number"),
    "int": MetafieldType(gettext_lazy("Whole number"), "yes", display.with_unit, validation.integer, "number"),
    "measurement": MetafieldType(
        gettext_lazy("Number with unit"), "likely", display.with_unit, validation.number, "number"
    ),
    "email": MetafieldType(gettext_lazy("E-mail"), "likely", check=validation.email, control="email"),
    "list": MetafieldType(gettext_lazy("List"), "yes", display.selected, validation.option, "select"),
    "switch": MetafieldType(gettext_lazy("Switch"), "unclear"),
    "imei": MetafieldType(
        gettext_lazy("IMEI"),
        "yes",
        check=validation.imei,
        hint=gettext_lazy("15 digits"),
        caution=validation.short_imei,
    ),
    "iccid": MetafieldType(gettext_lazy("ICCID"), "yes", hint=gettext_lazy("Usually 18 to 22 digits")),
    "time": MetafieldType(gettext_lazy("Time"), "unclear", display.time, caution=display.unsure_times),
    "range": MetafieldType(gettext_lazy("Time range"), "no", display.time_range, caution=display.unsure_times),
    "shift": MetafieldType(gettext_lazy("Shifts"), "no", display.shifts, caution=display.unsure_times),
    "contact": MetafieldType(gettext_lazy("Contact"), "no", display.contact),
    "address": MetafieldType(gettext_lazy("Address"), "no", display.address),
    "location": MetafieldType(gettext_lazy("Location"), "no", display.location),
    "coordinates": MetafieldType(gettext_lazy("Coordinates"), "unclear", display.coordinates),
    "cost": MetafieldType(gettext_lazy("Cost"), "no", display.cost),
    "devicereference": MetafieldType(gettext_lazy("Device reference"), "unclear", display.device_reference),
    "table": MetafieldType(gettext_lazy("Table"), "unclear", display.rows),
    "multitext": MetafieldType(gettext_lazy("Several texts"), "no", display.values),
    "image": MetafieldType(gettext_lazy("Image"), "unclear"),
    "devicename": MetafieldType(gettext_lazy("Device name"), "no"),
    "deviceowner": MetafieldType(gettext_lazy("Device owner"), "no"),
    "tz": MetafieldType(gettext_lazy("Time zone"), "likely", check=validation.zone, control="select"),
    "hotspotname": MetafieldType(gettext_lazy("Hotspot name"), "yes"),
    "templateid": MetafieldType(gettext_lazy("Template id"), "no", display.selected),
    "firmwareupdatecontrol": MetafieldType(gettext_lazy("Firmware update control"), "unclear"),
    "unitconversionswitch": MetafieldType(gettext_lazy("Unit conversion switch"), "unclear", display.anything),
    "deviceeui": MetafieldType(
        gettext_lazy("Device EUI"),
        "likely",
        check=validation.hexadecimal(16),
        hint=gettext_lazy("16 hexadecimal characters"),
    ),
    "joineui": MetafieldType(
        gettext_lazy("Join EUI"),
        "likely",
        check=validation.hexadecimal(16),
        hint=gettext_lazy("16 hexadecimal characters"),
    ),
    "applicationkey": MetafieldType(
        gettext_lazy("Application key"),
        "likely",
        check=validation.hexadecimal(32),
        control="secret",
        hint=gettext_lazy("32 hexadecimal characters"),
    ),
    "bluesdevice": MetafieldType(gettext_lazy("Blues device"), "likely"),
    "myriotaterminalid": MetafieldType(gettext_lazy("Myriota terminal id"), "likely"),
    "thethingsnetworkdeviceid": MetafieldType(gettext_lazy("The Things Network device id"), "likely"),
    "thingname": MetafieldType(gettext_lazy("Thing name"), "likely"),
}

OTHER_FORMS = {"devicename": "rename", "deviceowner": "transfer-to-owner"}
"""Types that are the device's name or owner -> the path of the form that changes it."""


@dataclass(frozen=True)
class FieldView:
    """One metafield, ready for a page. `lines`: empty for an empty field. `href`: an http(s) address or empty.

    `device_id`: the device it refers to, 0 for none. `caution`: what is unusual about its value. `instead`: the path of
    the form that changes it, for the device's name or owner.
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
        """The options of a select. Only the editor needs them: a row does not look up hundreds of zones."""
        known = _type_of(self.type)[0]
        return validation.zones() if known == "tz" else validation.options(self.raw) if known == "list" else ()

    @property
    def missing(self) -> bool:
        return self.mandatory and not self.lines

    def check(self, value: str) -> str:
        """The text to send. Raises InvalidValue. The API allows 200 characters for every type."""
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
        return _type_of(self.type)[1].check(value, self.raw)

    @property
    def present(self) -> str:
        """Its value, for comparisons only: it can be a secret."""
        return readback.text_of(_type_of(self.type)[0], self.raw)

    @property
    def masked(self) -> bool:
        """Whether its value is masked and cannot be compared."""
        return readback.masked(_type_of(self.type)[0], self.raw)

    def holds(self, sent: str) -> bool:
        """Whether this field, read after a write, has the value that was sent."""
        return readback.same(_type_of(self.type)[0], self.raw, sent)

    def unchanged_by(self, sent: str) -> bool:
        """Whether writing `sent` would change nothing."""
        return readback.unchanged(_type_of(self.type)[0], self.raw, sent)


def present(metafield: Metafield) -> FieldView:
    """`view_of` as this deployment has set it."""
    return view_of(metafield, likely=settings.METAFIELDS_LIKELY)


def view_of(metafield: Metafield, *, likely: bool) -> FieldView:
    """Present one metafield. `likely`: the setting METAFIELDS_LIKELY, also edit types that can probably be set."""
    raw = _raw(metafield.value)
    sent_type = raw.get("type")
    type_name = sent_type if isinstance(sent_type, str) else ""
    known, kind = _type_of(type_name)
    lines = [clean(line) for line in kind.show(raw) if line]
    editable = (metafield.id or 0) > 0 and (kind.write == "yes" or (kind.write == "likely" and likely))
    secret = known == "applicationkey"
    return FieldView(
        id=metafield.id or 0,
        name=clean(metafield.name or "") or _("Metafield %d") % (metafield.id or 0),
        type=type_name,
        label=str(kind.label) if known else (clean(type_name) or _("Unknown type")),
        lines=[_("Hidden")] if secret and lines else lines,
        mandatory=bool(metafield.is_mandatory),
        href=_href(known, raw),
        device_id=display.device_referred_to(raw) if known == "devicereference" else 0,
        instead=OTHER_FORMS.get(known, ""),
        caution=kind.caution(raw),
        secret=secret,
        editable=editable,
        why_not="" if editable else _why_not(known, kind),
        value="" if secret else _initial(known, raw),
        control="text" if known == "list" and not validation.options(raw) else kind.control,
        attrs=_attrs(known, raw),
        unit=clean(str(raw.get("units") or "")),
        hint=_bounds_hint(known, raw) or str(kind.hint),
        raw=raw,
    )


def _raw(value: Any) -> Raw:
    """The value object. A plain string of an older server is Text; any other scalar has no known type."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        return {"type": "Text", "value": value}
    return {} if value is None else {"value": value}


def _type_of(type_name: str) -> tuple[str, MetafieldType]:
    """The key in METAFIELD_TYPES and the type; an unknown one gives an empty key and UNKNOWN_TYPE."""
    key = re.sub(r"[^a-z0-9]", "", type_name.lower())
    return (key, METAFIELD_TYPES[key]) if key in METAFIELD_TYPES else ("", UNKNOWN_TYPE)


def _why_not(known: str, kind: MetafieldType) -> str:
    if known == "devicename":
        return _("Rename the device instead")
    if known == "deviceowner":
        return _("Transfer the device instead")
    if not known:
        return _("Read-only: the portal does not know this type")
    if kind.write == "no":
        return _("Read-only: the platform accepts no text for this type")
    return _("Read-only: it is not certain how the platform accepts this type")


def _initial(known: str, raw: Raw) -> str:
    """The initial value of the editor."""
    lines = display.selected(raw) if known == "list" else display.plain(raw)
    return lines[0] if lines else ""


def _attrs(known: str, raw: Raw) -> dict[str, Any]:
    """Attributes of the `<input>`. No `maxlength`: it would cut a pasted value silently."""
    if known in ("number", "measurement", "int"):
        step = raw.get("step")
        attrs: dict[str, Any] = {"step": step if isinstance(step, (int, float)) and step > 0 else "any"}
        if known == "int":
            attrs["step"] = 1
        if limits := validation.bounds(raw):
            attrs |= {"min": limits[0], "max": limits[1]}
        return attrs
    return {"inputmode": "numeric"} if known in ("imei", "iccid") else {}


def _bounds_hint(known: str, raw: Raw) -> str:
    if known not in ("number", "measurement", "int") or not (limits := validation.bounds(raw)):
        return ""
    return _("From %s to %s") % (display.scalar(limits[0])[0], display.scalar(limits[1])[0])


def _href(known: str, raw: Raw) -> str:
    """A map of a place, or the address of an image; http(s) only, whatever the API sends."""
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
