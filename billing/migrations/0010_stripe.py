"""What is known of Stripe's side: customers, the outbox, the inbox."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0009_export_jobs'),
        ('metering', '0007_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='StripeCustomer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('identity', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('round', models.PositiveIntegerField(default=0, editable=False)),
                ('remote_id', models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='stripe_customer', to='metering.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='StripeEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('done', 'Done'), ('dead', 'Dead')], default='waiting', max_length=10)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('event_id', models.CharField(max_length=255, unique=True)),
                ('type', models.CharField(max_length=255)),
                ('created', models.DateTimeField()),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('body', models.JSONField()),
                ('outcome', models.TextField(blank=True)),
            ],
            options={
                'ordering': ('-pk',),
                'indexes': [models.Index(fields=['state', 'due_at'], name='stripe_event_due')],
            },
        ),
        migrations.CreateModel(
            name='StripePush',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('done', 'Done'), ('dead', 'Dead')], default='waiting', max_length=10)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('identity', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('wanted', models.PositiveIntegerField(default=0)),
                ('round', models.PositiveIntegerField(default=0)),
                ('begun', models.BooleanField(default=False)),
                ('remote_id', models.CharField(blank=True, db_index=True, max_length=255)),
                ('metered', models.JSONField(blank=True, default=list)),
                ('invoice', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='stripe_push', to='billing.invoice')),
            ],
            options={
                'verbose_name_plural': 'stripe pushes',
                'ordering': ('-pk',),
                'indexes': [models.Index(fields=['state', 'due_at'], name='stripe_push_due')],
            },
        ),
    ]
