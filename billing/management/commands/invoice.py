"""Look at an invoice, and take the next step of its life."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.life_cycle import (
    NotAllowedError,
    Paid,
    mark_uncollectible,
    record_payment,
    void_invoice,
)
from billing.models import Invoice
from billing.rating.errors import ChargeError
from billing.rating.numeric import not_negative
from billing.standing import standing
from metering.commands import prepared, read_moment


class Command(BaseCommand):
    help = "Show how an invoice stands; book a payment on it, make it void or uncollectible."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="such as INV-2026-000001")
        step = parser.add_mutually_exclusive_group()
        step.add_argument(
            "--pay", metavar="AMOUNT", help="money came in: 12.50; back: --pay=-12.50"
        )
        step.add_argument(
            "--void", metavar="REASON", help="take it back; its month is drafted anew"
        )
        step.add_argument("--uncollectible", metavar="REASON", help="give up on it")
        parser.add_argument("--reference", help="whose payment: the same one is booked once")
        parser.add_argument("--method", default="bank", help="how it was paid (bank)")
        parser.add_argument("--at", help="when it was paid: a date or a time (now)")
        parser.add_argument(
            "--keep-rest", action="store_true", help="book more than is left, as overpaid"
        )

    def handle(self, *, number: str, **options: object) -> None:
        with prepared(store=options["void"] is not None):
            invoice = Invoice.objects.select_related("tenant").filter(number=number).first()
            if invoice is None:
                raise CommandError(f"there is no invoice {number!r}")
            try:
                _act(invoice, options)
            except NotAllowedError as error:
                raise CommandError(str(error)) from error
            for line in _report(Invoice.objects.select_related("tenant").get(pk=invoice.pk)):
                self.stdout.write(line)


def _act(invoice: Invoice, options: dict[str, object]) -> None:
    if options["pay"] is not None:
        record_payment(invoice, _paid(invoice, options), keep_rest=bool(options["keep_rest"]))
    if options["void"] is not None:
        void_invoice(invoice, key=f"void:{invoice}", reason=_reason(options["void"]))
    if options["uncollectible"] is not None:
        reason = _reason(options["uncollectible"])
        mark_uncollectible(invoice, key=f"uncollectible:{invoice}", reason=reason)


def _paid(invoice: Invoice, options: dict[str, object]) -> Paid:
    reference = str(options["reference"] or "").strip()
    if not reference:
        raise CommandError("--reference: say which payment it is, so that it is booked once")
    if len(reference) > 200:
        raise CommandError("--reference: is longer than 200 characters")
    at = options["at"]
    return Paid(
        key=f"manual:{invoice}:{reference}",
        amount=_amount(str(options["pay"])),
        currency=invoice.currency,
        method=str(options["method"])[:40],
        reference=reference,
        paid_at=_moment(str(at), invoice) if at else timezone.now(),
    )


def _amount(text: str) -> Decimal:
    try:
        amount = not_negative(text.removeprefix("-"), "--pay")
    except ChargeError as error:
        raise CommandError(str(error)) from error
    return amount.copy_negate() if text.startswith("-") else amount


def _moment(text: str, invoice: Invoice) -> datetime:
    return read_moment("--at", text, invoice.tenant) or timezone.now()


def _reason(text: object) -> str:
    if not str(text).strip():
        raise CommandError("say why, for whoever reads it later")
    return str(text).strip()


def _report(invoice: Invoice) -> Iterator[str]:
    stands, currency = standing(invoice), invoice.currency
    yield f"{invoice} of {invoice.tenant} for {invoice.month:%Y-%m}: {invoice.status}"
    yield f"  total {invoice.total:f} {currency}, due {stands.due:f}, paid {stands.paid:f}"
    if stands.remaining:
        until = f", to be paid before {stands.due_at:%F %H:%M} UTC" if stands.due_at else ""
        yield f"  {stands.remaining:f} {currency} left{until}"
    if stands.overpaid:
        yield f"  {stands.overpaid:f} {currency} overpaid"
    for payment in invoice.payments.all():
        yield f"  {payment.paid_at:%F %H:%M} {payment}"
    for change in invoice.changes.all():
        yield f"  {change.moment:%F %H:%M} {change}"
