"""The app of the devices."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from devices.audit import triggers


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        pre_migrate.connect(triggers.drop, sender=self)
        post_migrate.connect(triggers.install, sender=self)
