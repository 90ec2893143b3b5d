"""Payments and steps of an invoice's life: rows that are only added."""

import billing.fields
import django.db.models.deletion
from django.db import migrations, models

from metering.append_only import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_parties'),
        ('metering', '0007_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoiceChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=300, unique=True)),
                ('before', models.CharField(max_length=20)),
                ('after', models.CharField(max_length=20)),
                ('actor', models.CharField(max_length=200)),
                ('reason', models.TextField(max_length=1000)),
                ('moment', models.DateTimeField()),
                ('watermark', models.DateTimeField(null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='billing.invoice')),
            ],
            options={
                'ordering': ('invoice', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=300, unique=True)),
                ('amount', billing.fields.ExactDecimalField()),
                ('currency', models.CharField(max_length=3)),
                ('method', models.CharField(max_length=40)),
                ('reference', models.CharField(max_length=200)),
                ('paid_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('actor', models.CharField(max_length=200)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='billing.invoice')),
            ],
            options={
                'ordering': ('invoice', 'pk'),
            },
        ),
        append_only("billing_payment"),
        append_only("billing_invoicechange"),
    ]
