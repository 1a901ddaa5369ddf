"""The app of the devices."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from devices import guards


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        pre_migrate.connect(guards.lift, sender=self)
        post_migrate.connect(guards.install, sender=self)
