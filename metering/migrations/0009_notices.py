"""Channels that alerts are sent to, and what is to be sent."""

import django.db.models.deletion
import django.utils.timezone
import metering.notices.webhook
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('metering', '0008_key_last_used'),
    ]

    operations = [
        migrations.CreateModel(
            name='AlertChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('email', 'e-mail'), ('webhook', 'webhook')], max_length=16)),
                ('address', models.CharField(max_length=1000)),
                ('secret', models.CharField(default=metering.notices.webhook.new_secret, editable=False, max_length=100)),
                ('enabled', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alert_channels', to='metering.tenant')),
            ],
            options={
                'ordering': ['tenant', 'kind', 'address'],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('kind', models.CharField(max_length=40)),
                ('subject', models.CharField(max_length=200)),
                ('text', models.TextField()),
                ('data', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='metering.tenant')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('last_error', models.TextField(blank=True)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='metering.alertchannel')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='metering.notice')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='alertchannel',
            constraint=models.UniqueConstraint(fields=('tenant', 'kind', 'address'), name='one_alert_channel'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('tenant', 'key'), name='told_once'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('notice', 'channel'), name='one_delivery_a_channel'),
        ),
    ]
