"""`manage.py credits`."""

from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError

from billing.prepaid import queries
from billing.prepaid.booking import expire, withdraw
from billing.prepaid.models import CreditGrant
from metering.commands import find_tenants, prepared
from metering.models import Tenant


class Command(BaseCommand):
    help = "Show prepaid credit, or expire, withdraw or verify it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="one tenant (all)")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--expire", action="store_true", help="book what has expired, now")
        act.add_argument("--withdraw", metavar="KEY", help="take back what is left of a grant")
        act.add_argument("--verify", action="store_true", help="add every movement up again")

    def handle(
        self,
        *,
        tenant: str | None,
        expire: bool,
        withdraw: str | None,
        verify: bool,
        **options: object,
    ) -> None:
        with prepared():
            tenants = find_tenants(tenant)
            if verify:
                self._verify(tenants)
            elif withdraw:
                self._withdraw(tenants, withdraw)
            elif expire:
                self._expire(tenants)
            else:
                for line in (line for one in tenants for line in _shown(one)):
                    self.stdout.write(line)

    def _verify(self, tenants: list[Tenant]) -> None:
        broken = [f"{one}: {what}" for one in tenants for what in queries.broken(one)]
        if broken:
            raise CommandError("\n".join(broken))
        self.stdout.write(f"the credit of {len(tenants)} tenants adds up")

    def _withdraw(self, tenants: list[Tenant], key: str) -> None:
        found = CreditGrant.objects.filter(tenant__in=tenants, key=key)
        if len(found) != 1:
            raise CommandError(f"there are {len(found)} grants {key!r}; name one with --tenant")
        taken = withdraw(found[0])
        self.stdout.write(f"withdrew {taken:f} {found[0].currency} of {found[0]}")

    def _expire(self, tenants: list[Tenant]) -> None:
        for one in tenants:
            for movement in expire(one):
                self.stdout.write(f"expired {-movement.amount:f} of {movement.grant}")


def _shown(tenant: Tenant) -> Iterator[str]:
    for balance in queries.balances(tenant):
        yield f"{tenant}  {balance.balance:f} {balance.currency}, {balance.available:f} available"
    for row in queries.grants(tenant):
        grant = row.grant
        until = f"until {grant.expires_at:%Y-%m-%d %H:%M} UTC" if grant.expires_at else "for ever"
        yield (
            f"  {grant.key}: {row.left:f} of {grant.amount:f} {grant.currency} {row.state},"
            f" priority {grant.priority}, {until}"
        )
