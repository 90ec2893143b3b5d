"""Budgets, their counters, reservations and alerts."""

import billing.fields
import django.db.models.deletion
import django.utils.timezone
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_closing_runs'),
        ('metering', '0009_notices'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=63)),
                ('amount', billing.fields.ExactDecimalField()),
                ('period', models.CharField(choices=[('month', 'month'), ('day', 'day')], default='month', max_length=8)),
                ('agent', models.CharField(blank=True, max_length=512)),
                ('label', models.CharField(blank=True, max_length=200)),
                ('value', models.CharField(blank=True, max_length=512)),
                ('hard', models.BooleanField(default=False)),
                ('enabled', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to='metering.tenant')),
            ],
            options={
                'ordering': ('tenant', 'code'),
            },
        ),
        migrations.CreateModel(
            name='BudgetCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateField()),
                ('settled', billing.fields.ExactDecimalField(default=Decimal('0'))),
                ('reserved', billing.fields.ExactDecimalField(default=Decimal('0'))),
                ('others', billing.fields.ExactDecimalField(default=Decimal('0'))),
                ('measured', billing.fields.OptionalDecimalField(null=True)),
                ('measured_at', models.DateTimeField(null=True)),
                ('unpriced', models.JSONField(default=list)),
                ('alerted', models.PositiveSmallIntegerField(default=0)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='counters', to='billing.budget')),
            ],
            options={
                'ordering': ('budget', '-start'),
            },
        ),
        migrations.CreateModel(
            name='BudgetAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('threshold', models.PositiveSmallIntegerField()),
                ('spent', billing.fields.ExactDecimalField()),
                ('amount', billing.fields.ExactDecimalField()),
                ('fired_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('counter', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='billing.budgetcounter')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='BudgetReservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('agent', models.CharField(blank=True, max_length=512)),
                ('labels', models.JSONField(default=dict)),
                ('amount', billing.fields.ExactDecimalField()),
                ('state', models.CharField(choices=[('held', 'held'), ('settled', 'settled'), ('expired', 'expired')], default='held', max_length=8)),
                ('settled', billing.fields.OptionalDecimalField(null=True)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('counters', models.ManyToManyField(related_name='reservations', to='billing.budgetcounter')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reservations', to='metering.tenant')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('tenant', 'code'), name='budget_code'),
        ),
        migrations.AddConstraint(
            model_name='budgetcounter',
            constraint=models.UniqueConstraint(fields=('budget', 'start'), name='budget_counter'),
        ),
        migrations.AddConstraint(
            model_name='budgetalert',
            constraint=models.UniqueConstraint(fields=('counter', 'threshold'), name='one_budget_alert'),
        ),
        migrations.AddIndex(
            model_name='budgetreservation',
            index=models.Index(condition=models.Q(('state', 'held')), fields=['expires_at'], name='reservation_leaks'),
        ),
        migrations.AddConstraint(
            model_name='budgetreservation',
            constraint=models.UniqueConstraint(fields=('tenant', 'key'), name='one_reservation_a_key'),
        ),
    ]
