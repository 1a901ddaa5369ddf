"""Ids in addresses. A larger number is no id: a 404, and no call is spent on it."""

from __future__ import annotations

from devices.core import api_rules


class _IdConverter:
    largest: int

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number <= self.largest:
            raise ValueError
        return number

    def to_url(self, value: int | str) -> str:
        return str(value)


class Int32Converter(_IdConverter):
    """The ids of devices."""

    regex = "[0-9]{1,10}"
    largest = api_rules.INT32_MAX


class Int64Converter(_IdConverter):
    """The ids of a device's parts, such as events."""

    regex = "[0-9]{1,19}"
    largest = api_rules.INT64_MAX
