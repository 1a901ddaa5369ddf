from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("portal_auth", "0004_draft")]

    operations = [
        migrations.AddField("apigrant", "generation", models.BigIntegerField(default=0)),
        migrations.AddField("apigrant", "words", models.BigIntegerField(default=0)),
    ]
