"""The table of device locks."""

from __future__ import annotations

from django.db import models


class DeviceLock(models.Model):
    """The lock of one device: a lease of seconds, so that nothing changes between a read and the change after it.

    Only device_lock.py writes it. `until` is in seconds since 1970.
    """

    device_id = models.BigIntegerField(primary_key=True)
    holder = models.CharField(max_length=32)
    until = models.FloatField()

    def __str__(self) -> str:
        return f"lock of device {self.device_id}"
