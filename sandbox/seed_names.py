"""Device names of a cooling and heating company."""

from __future__ import annotations

from random import Random

from sandbox import seed_data as d

_KINDS: dict[int, tuple[str, ...]] = {
    d.COLD: ("Cold room", "Cold room", "Freezer", "Walk-in cooler", "Blast chiller", "Kühlraum", "Kjølerom"),
    d.BOILER: ("Boiler room", "Boiler room", "Plant room", "Hot water tank", "Heizraum", "Fyrrom"),
    d.PUMP: ("Heat pump", "Heat pump", "Roof unit", "Ventilation", "Varmepumpe"),
    d.CASE: ("Display case", "Island freezer", "Dairy shelf", "Ice cream chest"),
    d.REEFER: ("Reefer", "Fish hold", "Provision room"),
    d.BENCH: ("Service bench",),
    d.VALVE: ("Radiator", "Radiator valve"),
}
_SITES = (
    "Harbour hall", "Mill Street", "Fjord hotel", "Kai 7", "Saga school", "Old dairy", "Bakery Nord", "Hospital east",
    "Library", "Town hall", "Storgata 8", "Market hall", "Fishery", "Brewery", "Ice rink", "Cinema", "Depot west",
    "Airport gate B", "Ferry terminal", "Florist", "Butcher's", "Grand cafe", "Station", "Museum", "Swimming hall",
)  # fmt: skip
_RARE = ("Nautilus", "Aurora", "Zephyr", "Kraken")
_DETAILS = (
    "door's sensor",
    "left",
    "right",
    "spare",
    "upper floor",
    "cellar",
    "evaporator 2",
    "backup",
    "east",
    "west",
)


def name(rng: Random, template: int, number: int) -> str:
    """A name that could be written today; `number` keeps most of them apart."""
    kind = rng.choice(_KINDS[template])
    count = number % 997 + 1
    roll = rng.random()
    if roll < 0.40:
        text = f"{kind} {count}"
    elif roll < 0.70:
        text = f"{rng.choice(_SITES)} {kind.lower()} {count}"
    elif roll < 0.90:
        text = f"{kind} {count} - {rng.choice(_DETAILS)}"
    elif roll < 0.985:
        text = f"{kind[:2].upper()}_{count:03d}-{rng.choice('ABCD')}"
    else:
        text = f"{rng.choice(_RARE)} {kind.lower()} {count}"
    return text[:50]
