"""Who sells and who buys, kept with the invoice. The triggers are made anew, as 0002 says."""

from importlib import import_module

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

_TRIGGERS = import_module("billing.migrations.0002_immutable_invoices")


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_line_kind"), ("metering", "0006_alert")]

    operations = [
        migrations.CreateModel(
            name='BillingDetails',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('billing_name', models.CharField(blank=True, help_text="The legal name, where it is not the tenant's name.", max_length=200)),
                ('billing_address', models.TextField(blank=True, help_text='A line each.', max_length=1000)),
                ('billing_email', models.EmailField(blank=True, max_length=254)),
                ('tax_id', models.CharField(blank=True, help_text='Such as a VAT number.', max_length=60)),
                ('tax_note', models.CharField(blank=True, help_text='Why the tax is what it is, such as: Reverse charge.', max_length=300)),
                ('payment_days', models.PositiveSmallIntegerField(blank=True, help_text="Days from issue until payment is due; the installation's when empty.", null=True, validators=[django.core.validators.MaxValueValidator(365)])),
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='billing', to='metering.tenant')),
            ],
            options={
                'verbose_name_plural': 'billing details',
            },
        ),
        migrations.RunPython(_TRIGGERS.remove, _TRIGGERS.install),
        migrations.AddField(
            model_name="invoice",
            name="parties",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(_TRIGGERS.install, _TRIGGERS.remove),
    ]
