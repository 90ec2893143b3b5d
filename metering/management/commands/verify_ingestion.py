"""`manage.py verify_ingestion`."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from metering.clickhouse.intake import IntakeHour
from metering.commands import find_tenants, prepared, read_moment
from metering.models import Tenant
from metering.reconciliation import HourLine, ledger, recover_between, settled_until, total
from metering.usage.period import Period

_BACK = timedelta(days=7)
_COLUMNS = ("received", "accepted", "duplicates", "quarantined")
_ROW = "{:<20}{:>14}{:>14}{:>14}{:>14}  {}"


class Command(BaseCommand):
    help = (
        "Check that accepted + duplicates + quarantined = received in every hour, against what is"
        " stored. Exits with 1 where it does not. Hours are of UTC, by the event store's clock."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant only")
        for name, default in (("from", "seven days ago"), ("to", "now")):
            parser.add_argument(
                f"--{name}", metavar="ISO", help=f"a date of the tenant or a moment ({default})"
            )
        parser.add_argument("--hours", action="store_true", help="show the hours that add up too")
        parser.add_argument(
            "--recover",
            action="store_true",
            help="first count what killed writers left, as the rollup does of what is new to it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared(store=True):
            now = settled_until()
            tenants = find_tenants(options["tenant"])
            wrong = sum(self._tenant(tenant, options, now) for tenant in tenants)
        if wrong:
            hours = "1 hour does" if wrong == 1 else f"{wrong} hours do"
            raise CommandError(f"{hours} not add up", returncode=1)

    def _tenant(self, tenant: Tenant, options: dict[str, Any], now: datetime) -> int:
        period = _period(tenant, options, now)
        if options["recover"]:
            found = recover_between(tenant, period.start, min(period.end, now))
            self.stdout.write(f"{tenant.slug}: {found} commits that were never answered, counted")
        lines = ledger(tenant, period, now)
        for text in _table(tenant, lines, options["hours"]):
            self.stdout.write(text)
        return sum(not line.adds_up for line in lines)


def _period(tenant: Tenant, options: dict[str, Any], now: datetime) -> Period:
    end = read_moment("--to", options["to"], tenant) or now
    start = read_moment("--from", options["from"], tenant) or end - _BACK
    try:
        return Period(start, end)
    except ValueError as error:
        raise CommandError(f"--from, --to: {error}") from None


def _table(tenant: Tenant, lines: Sequence[HourLine], every: bool) -> Iterator[str]:
    yield _ROW.format(tenant.slug, *_COLUMNS, "").rstrip()
    for line in lines:
        if every or not line.adds_up:
            yield _row(f"{line.counts.hour:%Y-%m-%d %H:%M}Z", line.counts, line.explanation)
    wrong = sum(not line.adds_up for line in lines)
    verdict = f"{wrong} of {len(lines)} hours do not add up" if wrong else "all adds up"
    if not lines:
        yield "  nothing was received"
    else:
        yield _row(
            f"{len(lines)} hour{'' if len(lines) == 1 else 's'}",
            total(lines, lines[0].counts.hour),
            verdict,
        )


def _row(name: str, counts: IntakeHour, remark: str) -> str:
    figures = (f"{getattr(counts, column):,}" for column in _COLUMNS)
    return _ROW.format(name, *figures, remark).rstrip()
