"""`manage.py fleet`."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from metering.clickhouse.fleet_query import FleetQuery
from metering.commands import prepared

_COLUMNS = ("active", "delivering", "waa", "maa")


class Command(BaseCommand):
    help = (
        "Estimate the daily active agents of all tenants together, within 1 %%, from sketches."
        " A date is each tenant's own. What a tenant sees and is billed is exact."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=_date, help="the first date (30 days ago)")
        parser.add_argument(
            "--to", dest="end", type=_date, help="the date after the last (tomorrow)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        end = options["end"] or timezone.now().date() + timedelta(days=1)
        start = options["start"] or end - timedelta(days=30)
        if end <= start:
            raise CommandError(f"--to {end} must be after --from {start}; the range is half-open")
        with prepared(store=True):
            days = FleetQuery(start=start, end=end).rows()
        if options["json"]:
            rows = [day._asdict() for day in days]
            self.stdout.write(msgspec.json.encode(rows).decode())
            return
        self.stdout.write("".join([f"{'date':10}", *(f"{name:>15}" for name in _COLUMNS)]))
        for day in days:
            counts = (f"{count:>15,}" for count in day[1:])
            self.stdout.write("".join([day.date.isoformat(), *counts]))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-10-01") from None
