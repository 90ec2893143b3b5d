"""Rate invoiced months again under the plans and prices of today, and book the difference."""

from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal

from django.core.management.base import BaseCommand, CommandError

from billing.corrections import Difference
from billing.models import Invoice
from billing.rating.money import plain
from billing.rerating import NotReratableError, Rerated, book, book_apart, rerate
from billing.terms import finalized_invoices
from metering.commands import find_tenants, prepared
from metering.usage.period import month_period


class Command(BaseCommand):
    help = (
        "Rate an invoiced month again under the plans, contracts and cost prices of today, and"
        " show what differs from what was billed for it; nothing is changed unless it is booked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", help="an invoice, such as INV-2026-000001, or a month, 2026-10")
        parser.add_argument("--tenant", help="of a month: the slug of one tenant; all without it")
        booking = parser.add_mutually_exclusive_group()
        booking.add_argument("--dry-run", action="store_true", help="only show it (the default)")
        booking.add_argument(
            "--book", action="store_true", help="put it on the next invoice, as correction lines"
        )
        booking.add_argument(
            "--separate",
            action="store_true",
            help="finalize an invoice, or credit note, of the difference alone",
        )
        parser.add_argument("--reason", default="", help="why, for the record")

    def handle(self, *, what: str, tenant: str | None, **options: object) -> None:
        with prepared(store=True):
            failed = 0
            for invoice in _invoices(what, tenant):
                try:
                    for line in _done(invoice, options):
                        self.stdout.write(line)
                except NotReratableError as error:
                    failed += 1
                    self.stdout.write(str(error))
        if failed:
            raise CommandError(f"{failed} could not be rated again")


def _invoices(what: str, slug: str | None) -> list[Invoice]:
    """The invoice of that number, or those of a month."""
    try:
        month_period(what, "UTC")
    except ValueError:
        found = list(Invoice.objects.select_related("tenant").filter(number=what))
    else:
        months = [
            finalized_invoices(tenant).filter(month=f"{what}-01").select_related("tenant")
            for tenant in find_tenants(slug)
        ]
        found = [invoice for invoices in months for invoice in invoices]
    if not found:
        raise CommandError(f"there is no finalized invoice {what!r}")
    return found


def _done(invoice: Invoice, options: dict[str, object]) -> Iterator[str]:
    yield from _report(rerate(invoice))
    reason = str(options["reason"])
    if options["separate"]:
        note = book_apart(invoice, reason)
        yield (
            f"booked: {note.number}, {note.total:f} {note.currency} with tax"
            if note
            else "nothing to book"
        )
    elif options["book"]:
        booked = book(invoice, reason)
        yield "booked for the next invoice" if booked else "booked already, or nothing to book"


def _report(rerated: Rerated) -> Iterator[str]:
    invoice = rerated.invoice
    yield f"{invoice} {invoice.tenant} {invoice.month:%Y-%m}"
    rows = [("LINE", "QUANTITY", "BILLED", "NOW", "DIFFERENCE"), *map(_cells, rerated.changed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if rerated.changed else ():
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells)
    yield from (f"  unpriced: {problem}" for problem in rerated.unpriced)
    same = len(rerated.lines) - len(rerated.changed)
    yield f"  {rerated.amount:f} {invoice.currency} before tax; {same} lines are as billed"


def _cells(line: Difference) -> tuple[str, str, str, str, str]:
    billed = line.billed.amount if line.billed else Decimal(0)
    now = line.now.amount if line.now else Decimal(0)
    quantity = plain(line.shown.quantity)
    return line.shown.description, quantity, f"{billed:f}", f"{now:f}", f"{line.of('amount'):f}"
