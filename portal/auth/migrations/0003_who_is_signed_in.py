"""Times in seconds, which plain SQL reads the same from every database; and whose a grant is, to look for."""

import json

from django.db import migrations, models


def fill(apps, schema_editor):
    grants = apps.get_model("portal_auth", "ApiGrant").objects
    for grant in grants.all().iterator(chunk_size=200):
        grants.filter(pk=grant.pk).update(
            opened=grant.created_at.timestamp(),
            seen=grant.last_seen.timestamp(),
            org=json.loads(grant.profile).get("org_id"),
            person=f"user:{grant.user}",
        )


class Migration(migrations.Migration):

    dependencies = [("portal_auth", "0002_sso")]

    operations = [
        migrations.AddField("apigrant", "org", models.BigIntegerField(db_index=True, null=True)),
        migrations.AddField("apigrant", "person", models.TextField(db_index=True, default="")),
        migrations.AddField("apigrant", "opened", models.FloatField(db_index=True, default=0.0)),
        migrations.AddField("apigrant", "seen", models.FloatField(default=0.0)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveField("apigrant", "created_at"),
        migrations.RemoveField("apigrant", "last_seen"),
        migrations.RenameField("apigrant", "opened", "created_at"),
        migrations.RenameField("apigrant", "seen", "last_seen"),
        migrations.AlterField("apigrant", "created_at", models.FloatField(db_index=True)),
        migrations.AlterField("apigrant", "last_seen", models.FloatField()),
        migrations.AlterField("apigrant", "person", models.TextField(db_index=True)),
    ]
