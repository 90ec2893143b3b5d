"""`manage.py rollup`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from metering.clickhouse.rollup import forget_scans
from metering.commands import find_tenants, prepared
from metering.meter_days import bring_up
from metering.models import Tenant
from metering.rollups import roll_up


class Command(BaseCommand):
    help = "Bring every derived number up to date now. Safe to run at any time, also twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant only")
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="derive everything anew, as after changing REUSE_WINDOW_SECONDS",
        )

        parser.add_argument(
            "--closing",
            action="store_true",
            help="only what closing a month reads: quick, for many tenants",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared(store=True), tqdm(unit="h", disable=None) as bar:

            def show(tenant: Tenant, done: int, hours: int) -> None:
                bar.set_description(tenant.slug, refresh=False)
                bar.total, bar.n = hours, done
                bar.refresh()

            tenants = find_tenants(options["tenant"])
            if options["rebuild"]:
                for tenant in tenants:
                    forget_scans(tenant.id)
            hours = 0 if options["closing"] else roll_up(tenants, show)
            bring_up(tenants)
        self.stdout.write(f"rolled up {hours} hour{'' if hours == 1 else 's'}")
