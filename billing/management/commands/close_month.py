"""Draft, and finalize, the invoices of a month."""

from argparse import ArgumentParser
from collections.abc import Mapping

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing.invoice_rows import line_counts
from billing.invoicing import Closed, close_month
from metering.commands import find_tenants, prepared
from metering.usage.period import month_period

# Fewer are done before a bar could be read.
_MANY = 20


class Command(BaseCommand):
    help = "Draft the invoices of a month; with --finalize also number and freeze them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="such as 2026-10")
        parser.add_argument("--tenant", help="the slug of one tenant; all of them without it")
        parser.add_argument("--finalize", action="store_true", help="give numbers and freeze")

    def handle(self, *, month: str, tenant: str | None, finalize: bool, **options: object) -> None:
        try:
            month_period(month, "UTC")
        except ValueError as error:
            raise CommandError(str(error)) from error
        with prepared(store=True):
            tenants = find_tenants(tenant)
            bar = tqdm(
                close_month(month, tenants, finalize=finalize),
                total=len(tenants),
                unit=" tenants",
                disable=None if len(tenants) > _MANY else True,
            )
            closed = list(bar)
        for row in _table(closed):
            self.stdout.write(row)
        if finalize and (held := [item for item in closed if item.invoice and item.problem]):
            raise CommandError(f"{len(held)} of {len(closed)} invoices could not be finalized")


def _table(closed: list[Closed]) -> list[str]:
    """Columns as wide as their widest cell; problems in a line of their own."""
    counts = line_counts(item.invoice for item in closed if item.invoice)
    cells = [_cells(item, counts) for item in closed]
    rows = [("TENANT", "STATUS", "NUMBER", "TOTAL", "LINES"), *cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = []
    for row, item in zip(rows, [None, *closed], strict=True):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        table.append("  ".join(padded).rstrip())
        table += [f"  {note}" for note in (_notes(item) if item else ())]
    return table


def _cells(item: Closed, counts: Mapping[int, int]) -> tuple[str, str, str, str, str]:
    invoice = item.invoice
    if invoice is None:
        return str(item.tenant), "no invoice", "", "", ""
    total = f"{invoice.total:f} {invoice.currency}"
    lines = str(counts.get(invoice.pk, 0))
    return str(item.tenant), invoice.status, invoice.number or "", total, lines


def _notes(item: Closed) -> list[str]:
    if item.invoice is None:
        return [item.problem]
    unpriced = [f"unpriced: {problem}" for problem in item.invoice.unpriced]
    return ([item.problem] if item.problem and not unpriced else unpriced) + [
        f"not charged: {use['events']} × {use['type']}{_group(use['group'])}"
        for use in item.invoice.not_charged
    ]


def _group(group: dict[str, str]) -> str:
    return "".join(f" {name}={value}" for name, value in sorted(group.items()))
