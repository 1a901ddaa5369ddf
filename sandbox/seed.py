"""The seeded world: the same fleet for the same number, whatever the day. Times count back from the moment of seeding.

Each device has a random source of its own, made from the seed and its id, so a larger fleet begins with the same
devices as a smaller one.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from sandbox import seed_cases as cases
from sandbox import seed_data as d
from sandbox.models import (
    DataStream,
    Device,
    Metafield,
    MetafieldValue,
    Organization,
    Role,
    Tag,
    Template,
    TemplateEvent,
    User,
    World,
)
from sandbox.seed_history import History
from sandbox.seed_names import name
from sandbox.tree import ancestors

FORMAT = 2  # increase when the same arguments give other data
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BATCH = 2000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TAGS: tuple[tuple[int, int, str, str], ...] = (
    (1, d.HALDEN, "In Service", "#23C48E"),
    (2, d.HALDEN, "Rented", "#4A6FA5"),
    (3, d.HALDEN, "Warranty", "#D9A441"),
    (4, d.HALDEN, "Do not touch", "#C0392B"),
    (5, d.NORTH, "Winter watch", "#7F8C8D"),
    (6, d.MARINE, "At sea", "#2C82C9"),
    (7, d.HALDEN, cases.HOSTILE_TAG, "#000000"),
    (8, d.BRIGHTWATER, "Flat 4", "#000000"),
)


def plant(devices: int, number: int, now: int) -> None:
    """Fill an empty database. `devices` is at least seed_cases.SMALLEST_FLEET; `now` in epoch ms."""
    _organizations(now)
    _people(now)
    _templates(now)
    Tag.objects.bulk_create(Tag(id=pk, org_id=org, name=text, color=color) for pk, org, text, color in _TAGS)
    history = History(number, now)
    batch: list[Device] = []
    for device in _fleet(devices, number, now):
        batch.append(device)
        if len(batch) == BATCH:
            _write(batch, number, history, devices)
            batch = []
    _write(batch, number, history, devices)
    World.objects.create(
        format=FORMAT,
        seed=number,
        devices=devices,
        anchor=now,
        last_device=devices,
        last_event=history.last_event,
        last_log=history.last_log,
    )


def _organizations(now: int) -> None:
    for pk, parent, title, tz, about in d.ORGANIZATIONS:
        Organization.objects.create(
            id=pk,
            parent_id=parent,
            name=title,
            tz=tz,
            description=about,
            unit_system="IMPERIAL" if pk == d.BRIGHTWATER else "METRIC",
            phone_number="+47 400 00 100" if pk == d.HALDEN else "",
            address=d.ADDRESSES.get(pk),
            modified_at=now - 90 * DAY,
        )


def _people(now: int) -> None:
    Role.objects.bulk_create(Role(id=pk, name=title, permissions=list(names)) for pk, (title, names) in d.ROLES.items())
    User.objects.bulk_create(
        User(
            id=person.id,
            email=person.email,
            name=person.name,
            org_id=person.org,
            role_id=person.role,
            status=person.status,
            title=person.title,
            nick_name=person.name.split()[0][:100],
            phone_number=f"+47 400 {person.id % 1000:05d}",
            tz=person.tz,
            locale="en_US",
            registered_at=now - (100 + person.id % 900) * DAY,
            logged_at=0 if person.status == "Pending" else now - (person.id % 40) * HOUR,
            modified_at=now - (person.id % 90) * DAY,
        )
        for person in d.PEOPLE
    )


def _templates(now: int) -> None:
    for kind in d.TEMPLATES:
        template = Template.objects.create(
            id=kind.id,
            org_id=kind.org,
            name=kind.name,
            codes=list(kind.codes),
            parent_id=kind.parent,
            board_type=kind.board,
            connection_type=kind.connection,
            description=f"{kind.name}, {kind.board}",
            created_at=now - 800 * DAY,
            stages=[
                {"eventId": kind.id * 100 + 1, "name": "Online", "icon": "wifi", "color": "#23C48E"},
                {"eventId": kind.id * 100 + 2, "name": "Offline", "icon": "wifi-off", "color": "#7F8C8D"},
                {"eventId": kind.id * 100 + 4, "name": "Commissioned", "icon": "flag", "color": "#4A6FA5"},
            ],
        )
        TemplateEvent.objects.bulk_create(
            TemplateEvent(id=kind.id * 100 + at, template=template, name=title, type=type_, code=code)
            for at, (title, type_, code) in enumerate(kind.events, start=1)
        )
        DataStream.objects.bulk_create(
            DataStream(
                template=template,
                number=at,
                label=stream.alias.lower().replace(" ", "_"),
                alias=stream.alias,
                type=stream.type,
                pin=at,
                pin_type="ANALOG" if kind.id == d.BOILER and at == 3 else "VIRTUAL",
                units=stream.units,
                default=None if stream.among else stream.low,
            )
            for at, stream in enumerate(kind.streams, start=1)
        )
        Metafield.objects.bulk_create(
            Metafield(
                template=template,
                number=at,
                name=title,
                type=value["type"] if isinstance(value, dict) else cases.UNTYPED[title],
                is_mandatory=mandatory,
                include_in_provision=provision,
                value=value,
                hint="As on the label" if title in ("Shelf", "IMEI", "SIM") else "",
            )
            for at, (title, value, mandatory, provision) in enumerate(kind.fields or cases.BENCH_FIELDS, start=1)
        )


def _owners() -> dict[int, list[int]]:
    """Users who own random devices, by organization: not those whose devices are defined by hand."""
    found: dict[int, list[int]] = {}
    for person in d.PEOPLE:
        if (
            person.role in (d.OWNER, d.INSTALLER)
            and person.status in ("Active", "Inactive")
            and person.id not in (4, 5)
        ):
            found.setdefault(person.org, []).append(person.id)
    return found


def _fleet(devices: int, number: int, now: int) -> Iterator[Device]:
    owners = _owners()
    kinds = {kind.id: kind for kind in d.TEMPLATES}
    for pk in range(1, devices + 1):
        rng = Random(f"{number}/{pk}")  # noqa: S311 - not a secret  # nosec B311
        roll = rng.random()
        org = d.HALDEN if roll < 0.72 else d.NORTH if roll < 0.86 else d.DEPOT if roll < 0.94 else d.MARINE
        template = d.REEFER if org == d.MARINE else rng.choices((d.COLD, d.BOILER, d.PUMP, d.CASE), (5, 4, 3, 2))[0]
        owner = rng.choice(owners[org]) if rng.random() < 0.86 else None
        title = name(rng, template, pk)
        org, template, owner, title = _by_hand(pk, org, template, owner, title)
        device = Device(
            id=pk,
            name=title,
            search_name=title.casefold(),
            template_id=template,
            org_id=org,
            owner_id=owner,
            token=f"sbxdev{''.join(rng.choices(_ALPHABET, k=26))}",
        )
        _live(device, kinds[template], rng, now)
        yield device


def _by_hand(pk: int, org: int, template: int, owner: int | None, title: str) -> tuple[int, int, int | None, str]:
    """Organization, template, owner and name of the devices that are the same for every seed."""
    if pk in cases.OUT_OF_REACH_ALL:
        return d.BRIGHTWATER, d.VALVE, 47, f"Radiator {pk - cases.OUT_OF_REACH + 1}"
    if pk in (cases.NORTHS, cases.DEPOTS, cases.MARINES):
        return {
            cases.NORTHS: (d.NORTH, d.COLD, 26),
            cases.DEPOTS: (d.DEPOT, d.COLD, 36),
            cases.MARINES: (d.MARINE, d.REEFER, 40),
        }[pk] + (cases.NAMES[pk],)
    made = pk in cases.NAMES or pk in cases.RECENT or pk in cases.OWNERS or pk in cases.INSTALLERS_ALL
    if not made:
        return org, template, owner, title
    if template == d.REEFER:
        template = d.COLD
        title = title if pk in cases.NAMES else f"Cold room {pk}"
    template = {
        cases.RICH: d.COLD,
        cases.NO_OWNER: d.BOILER,
        cases.MINE: d.COLD,
        cases.NEVER_ACTIVATED: d.PUMP,
        cases.NO_HISTORY: d.CASE,
        cases.BENCH: d.BENCH,
        cases.INSTALLERS: d.BOILER,
    }.get(pk, template)
    owner = 11 if org != d.HALDEN or owner is None else owner
    if pk in cases.OWNERS:
        owner = 4
    elif pk in cases.INSTALLERS_ALL:
        owner = 5
    elif pk == cases.RICH:
        owner = 11
    elif pk == cases.NO_OWNER:
        owner = None
    return d.HALDEN, template, owner, cases.NAMES.get(pk, title)


def _live(device: Device, kind: d.Kind, rng: Random, now: int) -> None:
    """Activation, connection, hardware and current values."""
    roll = rng.random()
    activated = now - int(rng.uniform(2, 900) * DAY)
    state = "never" if roll < 0.05 else "http" if roll < 0.09 else "unknown" if roll < 0.13 else "offline"
    if roll > 0.30:
        state = "online"
    fixed = {
        cases.RICH: "online",
        cases.NEVER_ACTIVATED: "never",
        cases.HTTP_ONLY: "http",
        cases.UNKNOWN_ONLINE: "unknown",
    }
    if device.pk in cases.NAMES or device.pk in cases.OWNERS:
        state = "online" if state == "never" else state
    state = fixed.get(device.pk, state)
    if device.pk in cases.RECENT:
        activated, state = now - cases.RECENT[device.pk] * MINUTE + 20_000, "online"
    device.connected = {"online": True, "unknown": None}.get(state, False)
    device.stage = None if rng.random() < 0.1 else {"online": 0, "offline": 1}.get(state, 2)
    device.is_locked = rng.random() < 0.03
    if state == "never":
        return
    device.activated_at = activated
    lived = now - activated
    device.reported_at = now - (int(rng.uniform(1, 300) * 1000) if state in ("online", "http") else lived // 3)
    device.reported_at = max(device.reported_at, activated)
    device.last_event_at = device.reported_at
    if state != "http":
        device.first_connect_time = activated + 5_000
        if state == "offline":
            device.disconnect_time = device.reported_at
            device.connect_time = max(device.disconnect_time - 3 * HOUR, device.first_connect_time)
        else:
            device.connect_time = max(now - int(rng.uniform(0, 5) * DAY), device.first_connect_time)
            if device.connect_time - activated > DAY:
                device.disconnect_time = device.connect_time - int(rng.uniform(1, 600) * 1000)
        device.ip = f"203.0.113.{rng.randrange(1, 255)}" if rng.random() < 0.9 else ""
    if rng.random() < 0.4:
        device.firmware_updated_at = activated + lived // 2
    if device.pk != cases.NO_HARDWARE and rng.random() < 0.93:
        device.hardware = _hardware(device, kind, rng)
    device.values = {
        str(at): [_reading(stream, rng), int(rng.expovariate(1 / 90_000))]
        for at, stream in enumerate(kind.streams, start=1)
        if rng.random() < 0.94
    }
    if device.pk == cases.HOSTILE[0]:
        device.values["1"] = [cases.HOSTILE_TEXTS[0], 0]


def _reading(stream: d.Stream, rng: Random) -> Any:
    if stream.among:
        return rng.choice(stream.among)
    value = round(rng.uniform(stream.low, stream.high), stream.places)
    return int(value) if stream.places == 0 else value


def _hardware(device: Device, kind: d.Kind, rng: Random) -> dict[str, str]:
    info = {
        "version": f"{rng.randrange(1, 4)}.{rng.randrange(0, 9)}.{rng.randrange(0, 12)}",
        "fwType": kind.codes[0],
        "blynkVersion": "1.3.2",
        "boardType": kind.board,
        "build": rng.choice(("Mar 3 2026", "Nov 18 2025", "Aug 9 2026")),
        "templateId": kind.codes[0],
    }
    if device.pk in cases.HOSTILE:
        info["version"] = cases.HOSTILE_TEXTS[device.pk % len(cases.HOSTILE_TEXTS)]
        info["boardType"] = cases.HOSTILE_TEXTS[0]
    elif rng.random() < 0.15:
        del info[rng.choice(("version", "build", "boardType", "fwType"))]
    return info


def _write(batch: list[Device], number: int, history: History, devices: int) -> None:
    Device.objects.bulk_create(batch)
    fields = _fields()
    own: list[MetafieldValue] = []
    tagged: list[Any] = []
    link = Device.tags.through
    for device in batch:
        rng = Random(f"{number}/{device.pk}/fields")  # noqa: S311  # nosec B311
        own.extend(_own_values(device, fields[device.template_id], rng))
        line = set(ancestors(device.org_id))
        known = [pk for pk, org, _, _ in _TAGS if org in line and pk != 7]
        chosen = set(rng.sample(known, min(len(known), rng.choice((0, 0, 0, 1, 1, 2, 3)))))
        if device.pk in cases.HOSTILE:
            chosen.add(7)
        tagged.extend(link(device_id=device.pk, tag_id=pk) for pk in sorted(chosen))
    MetafieldValue.objects.bulk_create(own)
    link._default_manager.bulk_create(tagged)
    history.write(batch, share=0.05 if devices > 20_000 else 0.5)


def _fields() -> dict[int, list[Metafield]]:
    found: dict[int, list[Metafield]] = {}
    for field in Metafield.objects.order_by("id"):
        found.setdefault(field.template_id, []).append(field)
    return found


def _own_values(device: Device, fields: list[Metafield], rng: Random) -> Iterator[MetafieldValue]:
    if device.pk == cases.BENCH:
        return
    for field in fields:
        value = field.value
        if device.pk in cases.HOSTILE and field.type == "Text":
            value = {"type": "Text", "value": cases.HOSTILE_TEXTS[device.pk % len(cases.HOSTILE_TEXTS)]}
        elif rng.random() < 0.6:
            value = _another(field, rng)
        if value != field.value:
            yield MetafieldValue(device_id=device.pk, metafield_id=field.pk, value=value)


def _another(field: Metafield, rng: Random) -> Any:
    known: Any = field.value
    if field.type == "Text":
        return {**known, "value": f"{rng.choice('ABCDEF')}-{rng.randrange(1, 90):02d}"}
    if field.type in ("Number", "Measurement"):
        return {**known, "value": rng.randrange(int(known["min"]), int(known["max"]) + 1)}
    if field.type == "List":
        return {**known, "selectedOption": rng.choice(known["options"])}
    if field.type == "Imei":
        return {**known, "value": str(rng.randrange(10**14, 10**15))}
    return known
