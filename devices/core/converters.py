"""Ids in addresses."""

from __future__ import annotations

from devices.core import api_rules


class Int64Converter:
    """Ids as the API has them, of devices as of events. A larger number is no id: a 404, and no call is spent on it."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number <= api_rules.INT64_MAX:
            raise ValueError
        return number

    def to_url(self, value: int | str) -> str:
        return str(value)
