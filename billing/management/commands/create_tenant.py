"""`manage.py create_tenant`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing.models import Plan
from billing.subscriptions import put_on_plan
from metering import audit
from metering.commands import prepared
from metering.models import Tenant


class Command(BaseCommand):
    help = "Make a tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="its short name, in addresses and commands")
        parser.add_argument("--name", help="its full name (default: the slug)")
        parser.add_argument("--timezone", default="UTC", help="IANA zone of its days (UTC)")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (USD)")
        parser.add_argument("--plan", metavar="CODE", help="the plan it is charged by")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant(
            slug=options["slug"],
            name=options["name"] or options["slug"],
            timezone=options["timezone"],
            currency=options["currency"],
        )
        with prepared(), transaction.atomic():
            try:
                tenant.full_clean()
            except ValidationError as error:
                raise CommandError(_sentence(error)) from None
            tenant.save()
            if options["plan"]:
                put_on_plan(tenant, _plan(options["plan"], tenant))
            audit.record("tenant.created", tenant.slug, tenant)
        self.stdout.write(f"made tenant {tenant.slug}")


def _plan(code: str, tenant: Tenant) -> Plan:
    plan = Plan.objects.filter(code=code).first()
    if plan is None:
        raise CommandError(f"there is no plan {code!r}; bring one in with: manage.py apply FILE")
    if plan.currency != tenant.currency:
        raise CommandError(
            f"plan {code} charges {plan.currency} and the tenant pays {tenant.currency};"
            f" add --currency {plan.currency}"
        )
    return plan


def _sentence(error: ValidationError) -> str:
    return "; ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )
