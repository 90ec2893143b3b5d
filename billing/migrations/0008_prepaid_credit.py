"""Prepaid credit: a ledger that the database keeps append-only, and what it paid of an invoice.

What credit paid is content of an invoice: the triggers that freeze one are made anew with it.
"""

from decimal import Decimal
from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import billing.fields
from metering.append_only import append_only

FREEZE = import_module("billing.migrations.0002_immutable_invoices")

class Migration(migrations.Migration):
    dependencies = [("billing", "0007_payments"), ("metering", "0007_audit")]

    operations = [
        migrations.RunPython(FREEZE.remove, FREEZE.install),
        migrations.AddField(
            model_name="invoice",
            name="credits_applied",
            field=billing.fields.ExactDecimalField(default=Decimal(0)),
        ),
        migrations.RunPython(FREEZE.install, FREEZE.remove),
        migrations.CreateModel(
            name="CreditGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("amount", billing.fields.ExactDecimalField()),
                ("currency", models.CharField(max_length=3)),
                ("priority", models.PositiveSmallIntegerField(default=100)),
                ("effective_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_grants",
                        to="metering.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "constraints": (
                    models.UniqueConstraint(fields=("tenant", "key"), name="one_grant_a_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at", None),
                            ("expires_at__gt", models.F("effective_at")),
                            _connector="OR",
                        ),
                        name="grant_begins_before_it_expires",
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="CreditMovement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("granted", "Granted"),
                            ("drawn", "Drawn"),
                            ("returned", "Returned"),
                            ("expired", "Expired"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=20,
                    ),
                ),
                ("amount", billing.fields.ExactDecimalField()),
                ("left", billing.fields.ExactDecimalField()),
                ("moment", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="movements",
                        to="billing.creditgrant",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_movements",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "constraints": (
                    models.UniqueConstraint(
                        fields=("grant", "sequence"), name="movement_sequence"
                    ),
                    models.UniqueConstraint(fields=("grant", "key"), name="movement_once"),
                    models.CheckConstraint(
                        condition=models.Q(("left__gte", 0)), name="never_below_zero"
                    ),
                ),
            },
        ),
        append_only("billing_creditgrant"),
        append_only("billing_creditmovement"),
    ]
