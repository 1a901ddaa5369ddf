from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0004_receipt_draft'),
    ]

    operations = [
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('person', models.CharField(max_length=640, primary_key=True, serialize=False)),
                ('value', models.TextField()),
            ],
        ),
    ]
