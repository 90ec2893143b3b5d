"""What a line is for. The triggers that freeze lines are made anew, as 0002 says."""

from importlib import import_module

from django.db import migrations, models

_TRIGGERS = import_module("billing.migrations.0002_immutable_invoices")


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_burst_balance")]

    operations = [
        migrations.RunPython(_TRIGGERS.remove, _TRIGGERS.install),
        migrations.AddField(
            model_name="invoiceline",
            name="kind",
            field=models.CharField(
                choices=[
                    ("usage", "Usage"),
                    ("fee", "Fee"),
                    ("commitment", "Commitment"),
                    ("coupon", "Coupon"),
                ],
                default="usage",
                max_length=20,
            ),
        ),
        migrations.RunPython(_TRIGGERS.install, _TRIGGERS.remove),
    ]
