"""A chip's month under other contracts, and the baseline that would have cost least."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.rating.errors import ChargeError
from billing.what_if import what_if
from billing.what_if_question import FIELDS, read_question
from billing.what_if_rows import Row, what_if_json
from metering.commands import find_tenant, prepared
from metering.models import Tenant
from metering.usage.period import Period, month_period, range_period

_COLUMNS = (
    *("kind", "baseline", "amount", "baseline_amount", "burst_amount", "idle_amount"),
    *("cold_start_amount", "burst_chip_seconds", "reserved_peak_amount", "reserved_hourly_amount"),
)


class Command(BaseCommand):
    help = (
        "Put a chip's work to other burst contracts: what it would have cost, what it would have"
        " cost reserved, and the baseline that costs least."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the slug")
        parser.add_argument("--chip", required=True, help="such as kunlun-p800")
        parser.add_argument("--month", help="such as 2026-10; the running one")
        parser.add_argument("--from", dest="start", metavar="DATE", help="instead of a month")
        parser.add_argument("--to", dest="end", metavar="DATE", help="the day after the last")
        parser.add_argument(
            "--baseline", action="append", default=[], help="chips to try; may be repeated"
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help=f"another {', '.join(FIELDS)}; may be repeated",
        )
        parser.add_argument("--step", help="between the baselines searched; a 1000th of the peak")
        parser.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        with prepared(store=True):
            tenant = find_tenant(options["tenant"])
            period = _period(tenant, options["month"], options["start"], options["end"])
            changes = dict(map(_change, options["set"]))
            try:
                asked = read_question(changes, options["baseline"], options["step"])
                found = what_if(
                    tenant, options["chip"], period, asked.changes, asked.baselines, asked.step
                )
            except ChargeError as error:
                raise CommandError(str(error)) from error
        answer = what_if_json(found, tenant.currency)
        self.stdout.write(
            msgspec.json.encode(answer).decode() if options["json"] else _text(answer)
        )


def _period(tenant: Tenant, month: str | None, start: str | None, end: str | None) -> Period:
    if bool(start) != bool(end) or (start and month):
        raise CommandError("give --month, or both --from and --to")
    try:
        if start and end:
            first, last = date.fromisoformat(start), date.fromisoformat(end)
            return range_period(first, last, tenant.timezone)
        return month_period(month or f"{timezone.now():%Y-%m}", tenant.timezone)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--set {text}: write it as FIELD=VALUE")
    return name, value


def _text(answer: Row) -> str:
    """Columns as wide as their widest cell, and how the least was found."""
    rows: Any = answer["rows"]
    least: Any = answer["least_cost"]
    table = [
        [name.upper() for name in _COLUMNS],
        *([_cell(row[name]) for name in _COLUMNS] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in table
    ]
    return "\n".join(
        [
            *lines,
            f"least cost in steps of {least['step']} chips, {least['evaluated']} of them tried; no"
            f" baseline between them can cost less than {least['at_least']} {answer['currency']}",
        ]
    )


def _cell(value: object) -> str:
    return "unpriced" if value is None else str(value)
