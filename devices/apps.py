"""The app of the devices."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from devices import guards


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        post_migrate.connect(guards.install, sender=self)
