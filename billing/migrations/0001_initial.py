import billing.fields
import datetime
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('metering', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoiceSeries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=20, unique=True)),
                ('last_number', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'invoice series',
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=63, unique=True)),
                ('currency', models.CharField(max_length=3)),
            ],
            options={
                'ordering': ('code',),
            },
        ),
        migrations.CreateModel(
            name='ChipPrice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chip', models.CharField(max_length=512)),
                ('valid_from', models.DateField()),
                ('currency', models.CharField(max_length=3)),
                ('per_second', billing.fields.ExactDecimalField()),
            ],
            options={
                'ordering': ('chip', 'valid_from'),
                'constraints': [models.UniqueConstraint(fields=('chip', 'valid_from'), name='chip_price_key')],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('reason', models.CharField(default='month', max_length=20)),
                ('kind', models.CharField(choices=[('invoice', 'Invoice'), ('credit_note', 'Credit Note')], default='invoice', max_length=20)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('finalized', 'Finalized'), ('paid', 'Paid'), ('void', 'Void'), ('uncollectible', 'Uncollectible')], default='draft', max_length=20)),
                ('number', models.CharField(blank=True, max_length=40, null=True, unique=True)),
                ('currency', models.CharField(max_length=3)),
                ('period_start', models.DateTimeField()),
                ('period_end', models.DateTimeField()),
                ('tax_percent', billing.fields.ExactDecimalField()),
                ('subtotal', billing.fields.ExactDecimalField()),
                ('tax', billing.fields.ExactDecimalField()),
                ('total', billing.fields.ExactDecimalField()),
                ('watermark', models.DateTimeField()),
                ('finalized_at', models.DateTimeField(blank=True, null=True)),
                ('snapshot', models.JSONField()),
                ('unpriced', models.JSONField(blank=True, default=list)),
                ('not_charged', models.JSONField(blank=True, default=list)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='metering.tenant')),
            ],
            options={
                'ordering': ('-month', 'tenant__slug', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('code', models.CharField(max_length=63)),
                ('key', models.CharField(max_length=200)),
                ('description', models.TextField()),
                ('quantity', billing.fields.ExactDecimalField()),
                ('unit', models.CharField(blank=True, max_length=600)),
                ('unit_amount', billing.fields.OptionalDecimalField(blank=True, null=True)),
                ('exact_amount', billing.fields.ExactDecimalField()),
                ('amount', billing.fields.ExactDecimalField()),
                ('group', models.JSONField(blank=True, default=dict)),
                ('period_start', models.DateTimeField()),
                ('period_end', models.DateTimeField()),
                ('corrects', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='billing.invoice')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='billing.invoice')),
            ],
            options={
                'ordering': ('invoice', 'position'),
            },
        ),
        migrations.CreateModel(
            name='PlanVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField()),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='billing.plan')),
            ],
            options={
                'ordering': ('plan', 'valid_from'),
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('code', models.SlugField(max_length=63)),
                ('meter', models.JSONField(blank=True, null=True)),
                ('charge', models.JSONField()),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='charges', to='billing.planversion')),
            ],
            options={
                'ordering': ('version', 'position'),
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.DateField(default=datetime.date(1970, 1, 1))),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='billing.plan')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='metering.tenant')),
            ],
            options={
                'ordering': ('tenant', 'valid_from'),
            },
        ),
        migrations.CreateModel(
            name='TokenPrice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(blank=True, max_length=512)),
                ('model', models.CharField(max_length=512)),
                ('modality', models.CharField(default='text', max_length=512)),
                ('service_tier', models.CharField(blank=True, max_length=512)),
                ('above_prompt_tokens', models.BigIntegerField(default=0)),
                ('valid_from', models.DateField()),
                ('currency', models.CharField(max_length=3)),
                ('per', models.BigIntegerField()),
                ('input', billing.fields.OptionalDecimalField(blank=True, null=True)),
                ('cache_read', billing.fields.OptionalDecimalField(blank=True, null=True)),
                ('cache_write', billing.fields.OptionalDecimalField(blank=True, null=True)),
                ('cache_write_long', billing.fields.OptionalDecimalField(blank=True, null=True)),
                ('output', billing.fields.OptionalDecimalField(blank=True, null=True)),
            ],
            options={
                'ordering': ('model', 'provider', 'modality', 'service_tier', 'above_prompt_tokens'),
                'constraints': [models.UniqueConstraint(fields=('provider', 'model', 'modality', 'service_tier', 'above_prompt_tokens', 'valid_from'), name='token_price_key')],
            },
        ),
        migrations.CreateModel(
            name='ToolPrice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tool', models.CharField(max_length=512)),
                ('valid_from', models.DateField()),
                ('currency', models.CharField(max_length=3)),
                ('per_unit', billing.fields.ExactDecimalField()),
            ],
            options={
                'ordering': ('tool', 'valid_from'),
                'constraints': [models.UniqueConstraint(fields=('tool', 'valid_from'), name='tool_price_key')],
            },
        ),
        migrations.CreateModel(
            name='BurstContract',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chip', models.CharField(max_length=512)),
                ('valid_from', models.DateField()),
                ('baseline', billing.fields.ExactDecimalField()),
                ('baseline_price', billing.fields.ExactDecimalField()),
                ('on_demand_price', billing.fields.ExactDecimalField()),
                ('burst_tiers', models.JSONField()),
                ('idle_factor', billing.fields.ExactDecimalField()),
                ('granularity_ms', models.BigIntegerField(default=1)),
                ('minimum_ms', models.BigIntegerField(default=0)),
                ('cold_start_fee', billing.fields.ExactDecimalField()),
                ('credit_accrual', billing.fields.ExactDecimalField()),
                ('credit_cap', billing.fields.ExactDecimalField()),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contracts', to='metering.tenant')),
            ],
            options={
                'ordering': ('tenant', 'chip', 'valid_from'),
                'constraints': [models.UniqueConstraint(fields=('tenant', 'chip', 'valid_from'), name='contract_key')],
            },
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'void'), _negated=True), fields=('tenant', 'month', 'reason'), name='one_invoice_a_month'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('number__isnull', True), ('status', 'draft')), models.Q(models.Q(('status', 'draft'), _negated=True), ('number__isnull', False)), _connector='OR'), name='numbered_when_finalized'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.UniqueConstraint(fields=('invoice', 'position'), name='line_position'),
        ),
        migrations.AddConstraint(
            model_name='planversion',
            constraint=models.UniqueConstraint(fields=('plan', 'valid_from'), name='plan_version_date'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.UniqueConstraint(fields=('version', 'code'), name='charge_code_in_version'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(fields=('tenant', 'valid_from'), name='subscription_date'),
        ),
    ]
