"""Tables of the sandbox: organizations, users, templates, devices with their history, and issued tokens.

Times are epoch milliseconds, as on the wire; 0 means never.
"""

# ruff: noqa: DJ008, RUF012 - no admin site prints these rows
from __future__ import annotations

from django.db import models


class World(models.Model):
    """One row: how this database was seeded, and the last seeded ids."""

    format = models.IntegerField()
    seed = models.IntegerField()
    devices = models.IntegerField()
    anchor = models.BigIntegerField(help_text="The moment that all seeded times are relative to")
    last_device = models.BigIntegerField(default=0)
    last_event = models.BigIntegerField(default=0)
    last_log = models.BigIntegerField(default=0)


class Organization(models.Model):
    name = models.CharField(max_length=200)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    tz = models.CharField(max_length=50)
    description = models.TextField(blank=True)
    unit_system = models.CharField(max_length=10)
    phone_number = models.CharField(max_length=30, blank=True)
    address = models.JSONField(null=True)
    modified_at = models.BigIntegerField()


class Role(models.Model):
    name = models.CharField(max_length=50)
    permissions = models.JSONField()


class User(models.Model):
    """All users have the same password (settings.PASSWORD). Pending and Suspended ones cannot sign in."""

    email = models.CharField(max_length=255, unique=True)  # lower case
    name = models.CharField(max_length=255)
    org = models.ForeignKey(Organization, models.CASCADE)
    role = models.ForeignKey(Role, models.CASCADE)
    status = models.CharField(max_length=20)  # Pending, Active, Inactive, Suspended
    title = models.CharField(max_length=100, blank=True)
    nick_name = models.CharField(max_length=100, blank=True)
    phone_number = models.CharField(max_length=30, blank=True)
    tz = models.CharField(max_length=50)
    locale = models.CharField(max_length=10)
    registered_at = models.BigIntegerField()
    logged_at = models.BigIntegerField()
    modified_at = models.BigIntegerField()


class Template(models.Model):
    org = models.ForeignKey(Organization, models.CASCADE)
    name = models.CharField(max_length=100)
    codes = models.JSONField()  # text ids, TMPL...
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    board_type = models.CharField(max_length=50)
    connection_type = models.CharField(max_length=20)
    description = models.TextField(blank=True)
    logo_url = models.CharField(max_length=200, blank=True)
    created_at = models.BigIntegerField()
    stages = models.JSONField()  # lifecycle stages: [{eventId, name, icon, color}]


class TemplateEvent(models.Model):
    template = models.ForeignKey(Template, models.CASCADE, related_name="events")
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=20)
    code = models.CharField(max_length=200, null=True)  # noqa: DJ001 - without a code it cannot be triggered


class Metafield(models.Model):
    """A metadata field as its template defines it. On the wire its id is `number`, counted within the template."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="metafields")
    number = models.IntegerField()
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=50)
    is_mandatory = models.BooleanField(null=True)
    include_in_provision = models.BooleanField(null=True)
    value = models.JSONField(null=True)  # the default for devices without a value
    description = models.CharField(max_length=200, blank=True)
    hint = models.CharField(max_length=100, blank=True)
    icon = models.CharField(max_length=50, blank=True)

    class Meta:
        unique_together = [("template", "number")]


class DataStream(models.Model):
    """On the wire its id is `number`, counted within the template."""

    template = models.ForeignKey(Template, models.CASCADE, related_name="datastreams")
    number = models.IntegerField()
    label = models.CharField(max_length=50)
    alias = models.CharField(max_length=50)
    type = models.CharField(max_length=20)
    pin = models.IntegerField()
    pin_type = models.CharField(max_length=10)
    units = models.CharField(max_length=20, blank=True)
    default = models.JSONField(null=True)

    class Meta:
        unique_together = [("template", "number")]


class Tag(models.Model):
    org = models.ForeignKey(Organization, models.CASCADE)
    name = models.CharField(max_length=200)
    color = models.CharField(max_length=9)


class Device(models.Model):
    name = models.CharField(max_length=2500)
    search_name = models.CharField(max_length=2500)  # case-folded: SQLite's LIKE folds ASCII only
    renamed_at = models.BigIntegerField(default=0)  # for the delay of the search index
    template = models.ForeignKey(Template, models.CASCADE)
    org = models.ForeignKey(Organization, models.CASCADE)
    owner = models.ForeignKey(User, models.SET_NULL, null=True)
    token = models.CharField(max_length=32)
    activated_at = models.BigIntegerField(null=True)
    connected = models.BooleanField(null=True)  # None: absent from the response
    first_connect_time = models.BigIntegerField(default=0)
    connect_time = models.BigIntegerField(default=0)
    disconnect_time = models.BigIntegerField(default=0)
    firmware_updated_at = models.BigIntegerField(default=0)
    last_event_at = models.BigIntegerField(default=0)
    reported_at = models.BigIntegerField(default=0)
    ip = models.CharField(max_length=45, blank=True)
    is_locked = models.BooleanField(default=False)
    stage = models.IntegerField(null=True)  # index into the template's stages
    hardware = models.JSONField(null=True)
    values = models.JSONField(default=dict)  # datastream number -> [value, milliseconds before reported_at]
    tags: models.ManyToManyField[Tag, models.Model] = models.ManyToManyField(Tag)

    class Meta:
        indexes = [
            # A search for part of a name scans this index instead of the wide table.
            models.Index(fields=["org", "search_name", "renamed_at"], name="device_search"),
            models.Index(fields=["activated_at"], name="device_activated"),
        ]


class MetafieldValue(models.Model):
    device = models.ForeignKey(Device, models.CASCADE, related_name="metafield_values")
    metafield = models.ForeignKey(Metafield, models.CASCADE, db_index=False)
    value = models.JSONField(null=True)

    class Meta:
        unique_together = [("device", "metafield")]


class TimelineEvent(models.Model):
    device = models.ForeignKey(Device, models.CASCADE, related_name="timeline")
    event_id = models.IntegerField()  # of the template; may be unknown to it
    org_id = models.IntegerField()
    type = models.CharField(max_length=20)
    code = models.CharField(max_length=200, blank=True)
    description = models.TextField(null=True)  # noqa: DJ001 - null and empty differ on the wire
    ts = models.BigIntegerField()
    visible_at = models.BigIntegerField(default=0)  # entries appear with a delay, as on the platform
    is_resolved = models.BooleanField(default=False)
    resolved_at = models.BigIntegerField(default=0)
    resolved_comment = models.TextField(null=True)  # noqa: DJ001
    resolved_by = models.CharField(max_length=255, blank=True)


class LogEntry(models.Model):
    """A datastream write by a user."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="logs")
    email = models.CharField(max_length=255)
    value = models.JSONField(null=True)
    pin = models.IntegerField()
    pin_type = models.CharField(max_length=10)
    is_online = models.BooleanField(default=True)
    created_at = models.BigIntegerField()


class Token(models.Model):
    """An access or refresh token, stored as SHA-256. Without a user it belongs to the organization."""

    digest = models.CharField(max_length=64, primary_key=True)
    refresh = models.BooleanField()
    user = models.ForeignKey(User, models.CASCADE, null=True)
    family = models.CharField(max_length=32, db_index=True)  # all tokens of one sign-in
    expires_at = models.BigIntegerField(db_index=True)
    used_at = models.BigIntegerField(default=0)  # refresh tokens are single-use
