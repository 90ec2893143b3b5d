"""`manage.py grant_credits`."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.prepaid.granting import GrantError, TopUp, grant
from billing.prepaid.models import CreditGrant
from billing.rating.errors import ChargeError
from billing.rating.numeric import not_negative
from metering.commands import find_tenant, prepared, read_moment
from metering.models import Tenant


class Command(BaseCommand):
    help = "Give a tenant prepaid credit. The same key again gives nothing more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        usual = CreditGrant.USUAL_PRIORITY
        parser.add_argument("--tenant", metavar="SLUG", required=True)
        parser.add_argument("--amount", required=True, help="such as 250.00")
        parser.add_argument("--key", required=True, help="names this top-up, such as an order")
        parser.add_argument("--currency", help="ISO 4217 code (the tenant's)")
        parser.add_argument(
            "--priority", type=int, default=usual, help=f"the lowest is drawn first ({usual})"
        )
        parser.add_argument("--effective", metavar="DATE", help="pays from then on (now)")
        parser.add_argument("--expires", metavar="DATE", help="pays until then (for ever)")
        parser.add_argument("--reason", default="", help="for people")

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared():
            tenant = find_tenant(options["tenant"])
            try:
                made, new = grant(tenant, _top_up(tenant, options))
            except (GrantError, ChargeError) as error:
                raise CommandError(str(error)) from None
        done = "granted" if new else "granted already:"
        self.stdout.write(f"{done} {made.amount:f} {made.currency} to {tenant} as {made.key}")


def _top_up(tenant: Tenant, options: dict[str, Any]) -> TopUp:
    return TopUp(
        key=options["key"],
        amount=_amount(options["amount"]),
        currency=options["currency"] or tenant.currency,
        priority=options["priority"],
        effective_at=read_moment("effective", options["effective"], tenant),
        expires_at=read_moment("expires", options["expires"], tenant),
        reason=options["reason"],
    )


def _amount(text: str) -> Decimal:
    return not_negative(text, "amount")
