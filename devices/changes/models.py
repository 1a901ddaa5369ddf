"""The table of device locks."""

from __future__ import annotations

from django.db import models


class DeviceLock(models.Model):
    """Whose turn it is to change a device: a lease of seconds, so that a look and the change after it belong together.

    Written by turns.py alone. `until` is in seconds since 1970.
    """

    device_id = models.BigIntegerField(primary_key=True)
    holder = models.CharField(max_length=32)
    until = models.FloatField()

    def __str__(self) -> str:
        return f"turn at device {self.device_id}"
