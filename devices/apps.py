"""The devices app."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from devices.audit import triggers


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        from devices.audit import retention
        from devices.changes import kinds  # the models are there only now
        from devices.preferences import store as preference_store
        from devices.receipts import store as receipt_store

        kinds.check()
        pre_migrate.connect(triggers.drop, sender=self)
        post_migrate.connect(triggers.install, sender=self)
        retention.CLEANUPS["receipts"] = receipt_store.delete_expired
        retention.ERASERS.append(preference_store.delete)
