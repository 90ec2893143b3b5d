"""Prove an invoice."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from billing.models import Invoice
from billing.verifying import verify_invoice
from metering.commands import prepared


class Command(BaseCommand):
    help = "Compute a finalized invoice again from raw events and compare it to the cent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="such as INV-2026-000001")

    def handle(self, *, number: str, **options: object) -> None:
        with prepared(store=True):
            invoice = Invoice.objects.select_related("tenant").filter(number=number).first()
            if invoice is None:
                raise CommandError(f"there is no invoice {number!r}")
            differences = verify_invoice(invoice)
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(f"{number} differs from what its events come to")
        self.stdout.write(
            f"{number} is right to the cent: {invoice.lines.count()} lines,"
            f" {invoice.total:f} {invoice.currency}, from events received before"
            f" {invoice.watermark:%F %T} UTC"
        )
