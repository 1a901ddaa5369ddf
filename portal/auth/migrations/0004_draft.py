from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('signin', '0003_who_is_signed_in'),
    ]

    operations = [
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('browser', models.CharField(max_length=64)),
                ('person', models.CharField(max_length=64)),
                ('path', models.CharField(max_length=200)),
                ('blob', models.TextField()),
                ('created_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('browser', 'path'), name='one_draft'),
        ),
    ]
