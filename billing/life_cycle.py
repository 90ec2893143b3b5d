"""What becomes of an invoice once it is finalized: paid, void or uncollectible.

Each step is taken once for its key, whoever asks and however often: the first one wins. It is
written down with who took it, when and why, where nothing is ever changed.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.models import Invoice
from billing.payments import InvoiceChange, Payment
from billing.prepaid.booking import give_back
from billing.rating.money import ZERO, plain, round_money
from billing.standing import owed, standing
from billing.stripe_sync import outbox
from metering import audit, queries
from metering.actor import current_actor
from metering.models import Tenant

_Status = Invoice.Status
# As the database's own rule has it, see migrations/0002_immutable_invoices.py.
_BEFORE: dict[Invoice.Status, set[Invoice.Status]] = {
    _Status.PAID: {_Status.FINALIZED, _Status.UNCOLLECTIBLE},
    _Status.VOID: {_Status.FINALIZED, _Status.UNCOLLECTIBLE},
    _Status.UNCOLLECTIBLE: {_Status.FINALIZED},
}


class NotAllowedError(Exception):
    """Why an invoice cannot take a step, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment as it is told to us. The key is its identity: told again, it counts once."""

    key: str
    amount: Decimal
    currency: str
    method: str
    reference: str
    paid_at: datetime


def record_payment(invoice: Invoice, paid: Paid, *, keep_rest: bool = False) -> Payment:
    """Book money on an invoice, which is paid once nothing is left. Raises NotAllowedError.

    More than is left is refused, for it is a slip or meant for another invoice; with `keep_rest`,
    when the money is here whatever we say, it is booked whole and stands as overpaid.
    """
    with transaction.atomic():
        invoice = _locked(invoice)
        known = Payment.objects.filter(key=paid.key).first()
        if known is not None:
            return _same(known, invoice, paid)
        _check(invoice, paid, keep_rest)
        payment = Payment.objects.create(
            invoice=invoice,
            key=paid.key,
            amount=round_money(paid.amount, paid.currency),
            currency=paid.currency,
            method=paid.method,
            reference=paid.reference,
            paid_at=paid.paid_at,
            recorded_at=timezone.now(),
            actor=current_actor(),
        )
        _audit("invoice.payment", invoice, amount=f"{payment.amount:f}", reference=paid.reference)
        if invoice.status in _BEFORE[_Status.PAID] and not standing(invoice).remaining:
            _step(invoice, _Status.PAID, f"paid:{paid.key}", f"{payment}")
    return payment


def void_invoice(invoice: Invoice, *, key: str, reason: str) -> Invoice:
    """Take it back: it keeps its number, counts for nothing, and its month may be drafted anew."""
    with transaction.atomic():
        invoice = _locked(invoice)
        if not _may(invoice, _Status.VOID, key):
            return invoice
        paid = standing(invoice).paid
        if paid:
            raise NotAllowedError(
                f"{invoice}: {paid:f} {invoice.currency} was paid on it, so it cannot be void;"
                " what was too much is given back by a credit note"
            )
        _check_not_corrected(invoice)
        # Read while the tenant is locked, so that it lies after every watermark of an invoice that
        # was finalized before, and before every later one.
        _step(invoice, _Status.VOID, key, reason, queries.store_now())
        give_back(invoice)
    return invoice


def mark_uncollectible(invoice: Invoice, *, key: str, reason: str) -> Invoice:
    """Give up on it: it still counts, and may still be paid."""
    with transaction.atomic():
        invoice = _locked(invoice)
        if _may(invoice, _Status.UNCOLLECTIBLE, key):
            _step(invoice, _Status.UNCOLLECTIBLE, key, reason)
    return invoice


def _locked(invoice: Invoice) -> Invoice:
    """As it is now; nobody else changes invoices of its tenant meanwhile."""
    Tenant.objects.select_for_update().get(pk=invoice.tenant_id)
    return Invoice.objects.select_related("tenant").get(pk=invoice.pk)


def _same(known: Payment, invoice: Invoice, paid: Paid) -> Payment:
    asked = (invoice.pk, paid.amount, paid.currency)
    if (known.invoice_id, known.amount, known.currency) != asked:
        raise NotAllowedError(f"{paid.reference} was booked already, as {known} on {known.invoice}")
    return known


def _check(invoice: Invoice, paid: Paid, keep_rest: bool) -> None:
    if invoice.status == _Status.DRAFT:
        raise NotAllowedError(f"{invoice} is not finalized, so there is nothing to pay")
    if paid.currency != invoice.currency:
        raise NotAllowedError(f"{invoice} is in {invoice.currency}, not in {paid.currency}")
    if not paid.amount or round_money(paid.amount, paid.currency) != paid.amount:
        raise NotAllowedError(f"{plain(paid.amount)} is no amount of {paid.currency} to be paid")
    if keep_rest:
        return
    left = standing(invoice).remaining
    if paid.amount * left < ZERO:
        raise NotAllowedError(
            f"{invoice} is over {owed(invoice):f} {invoice.currency}: write the amount with the"
            " same sign, money that is given back below zero"
        )
    if abs(paid.amount) > abs(left):
        raise NotAllowedError(
            f"{plain(paid.amount)} {paid.currency} is more than the {left:f} that are left to pay"
            f" on {invoice}, which is {invoice.status}"
        )


def _may(invoice: Invoice, after: Invoice.Status, key: str) -> bool:
    """False where the step was taken already, NotAllowedError where it cannot be."""
    known = InvoiceChange.objects.filter(key=key).first()
    if known is not None and (known.invoice_id, known.after) != (invoice.pk, after):
        raise NotAllowedError(f"the key {key} was used already, for {known.invoice}: {known}")
    if known is not None or invoice.status == after:
        return False
    if invoice.status not in _BEFORE[after]:
        raise NotAllowedError(f"{invoice} is {invoice.status}, so it cannot become {after}")
    return True


def _check_not_corrected(invoice: Invoice) -> None:
    """Its month drafted anew would hold what a later invoice billed for it as a correction."""
    later = Invoice.objects.filter(lines__corrects=invoice)
    living = later.exclude(status__in=[_Status.DRAFT, _Status.VOID]).order_by("pk").first()
    if living is not None:
        raise NotAllowedError(f"{living} has corrections of {invoice}; it would have to go first")


def _step(
    invoice: Invoice,
    after: Invoice.Status,
    key: str,
    reason: str,
    watermark: datetime | None = None,
) -> None:
    InvoiceChange.objects.create(
        invoice=invoice,
        key=key,
        before=invoice.status,
        after=after,
        actor=current_actor(),
        reason=reason,
        moment=timezone.now(),
        watermark=watermark,
    )
    invoice.status = after
    invoice.save(update_fields=["status"])
    outbox.queue([invoice])
    _audit(f"invoice.{after}", invoice, reason=reason)


def _audit(action: str, invoice: Invoice, **details: str) -> None:
    audit.record(action, str(invoice), invoice.tenant, **details)
