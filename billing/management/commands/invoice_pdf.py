"""Write an invoice as PDF."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from billing.models import Invoice
from billing.pdf.render import invoice_pdf, pdf_name
from metering.commands import prepared


class Command(BaseCommand):
    help = "Write a finalized invoice or credit note as PDF, the same bytes every time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="such as INV-2026-000001")
        parser.add_argument("--out", type=Path, help="a file, or a folder for its usual name")

    def handle(self, *, number: str, out: Path | None, **options: object) -> None:
        with prepared():
            invoice = Invoice.objects.select_related("tenant").filter(number=number).first()
            if invoice is None:
                raise CommandError(f"there is no invoice {number!r}")
            pdf = invoice_pdf(invoice)
        file = out or Path(pdf_name(invoice))
        if file.is_dir():
            file /= pdf_name(invoice)
        try:
            file.write_bytes(pdf)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{file}: {len(pdf):,} bytes")
