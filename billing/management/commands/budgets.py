"""`manage.py budgets`."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from billing.budgets.measuring import differences
from billing.budgets.measuring import measure as look_up
from billing.budgets.measuring import rebuild as make_again
from billing.budgets.queries import BudgetRow, rows
from billing.budgets.reserving import expire_due
from billing.rating.money import plain
from metering.commands import find_tenants, prepared
from metering.models import Tenant


class Command(BaseCommand):
    help = "Show budgets and what of them is gone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="one tenant (all)")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--measure", action="store_true", help="look up what was spent, first")
        act.add_argument("--verify", action="store_true", help="compare counters to reservations")
        act.add_argument("--rebuild", action="store_true", help="make counters of reservations")

    def handle(
        self, *, tenant: str | None, measure: bool, verify: bool, rebuild: bool, **options: object
    ) -> None:
        with prepared(store=measure):
            tenants = find_tenants(tenant)
            if verify:
                wrong = [f"{one}: {what}" for one in tenants for what in differences(one)]
                if wrong:
                    raise CommandError("\n".join(wrong))
                self.stdout.write(f"the budgets of {len(tenants)} tenants add up")
                return
            expire_due()
            for one in tenants:
                _before(one, measure=measure, rebuild=rebuild)
                for row in rows(one):
                    self.stdout.write(_line(row))


def _before(tenant: Tenant, *, measure: bool, rebuild: bool) -> None:
    if measure:
        look_up(tenant)
    if rebuild:
        make_again(tenant)


def _line(row: BudgetRow) -> str:
    budget = row.budget
    kind = "hard" if budget.hard else "soft"
    reached = [threshold for threshold, fired in row.alerts.items() if fired]
    alert = f", alert at {reached[-1]} %" if reached else ""
    gone = f"{plain(row.spent)} spent and {plain(row.reserved)} reserved"
    amount = f"{plain(row.amount)} {budget.tenant.currency} a {budget.period}"
    return (
        f"{budget.tenant} {budget.code}: {gone} of {amount} ({kind}, {budget.scope})"
        f" since {row.start}{alert}"
    )
