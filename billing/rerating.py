"""Rates an invoiced period again by the plan and the prices as they stand now.

First shown, line by line; then booked: the terms are written down as those that the period is
rated by from now on, so that the next invoice has the difference among its corrections, or an
invoice or credit note of its own has it at once. Either is booked once, and verified like any.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import msgspec
from django.db import transaction
from django.utils import timezone

from billing.bill import Bill, compute_bill
from billing.burst_balances import KeptBalances
from billing.catalogue.revision import NONE
from billing.corrections import Difference, corrected_now, differences, terms_in_force
from billing.finalizing import finalize_written
from billing.invoice_rows import write_drafts
from billing.models import Invoice
from billing.pricing import at_terms
from billing.rating.money import ZERO
from billing.restatement import Restatement
from billing.terms import Terms, read_terms
from metering import audit, queries
from metering.actor import current_actor
from metering.models import Tenant

# What is taken from the plans and prices of today. The zone, the tax, the period and the fees are
# the invoice's; of settings it keeps those that decide what counts.
_CORRECTED = ("plans", "contracts", "token_rates", "unit_rates", "catalogue")
_COUNTING = (Invoice.Status.FINALIZED, Invoice.Status.PAID, Invoice.Status.UNCOLLECTIBLE)


class NotReratableError(Exception):
    """Why an invoice cannot be rated again, in one sentence."""


@dataclass(frozen=True, slots=True)
class Rerated:
    """An invoice's period as it would be billed now, beside what was billed for it so far."""

    invoice: Invoice
    terms: Terms
    watermark: datetime
    lines: list[Difference]
    unpriced: list[str]

    @property
    def changed(self) -> list[Difference]:
        return [line for line in self.lines if line.of("amount")]

    @property
    def amount(self) -> Decimal:
        """What is billed in addition, before tax; below zero, what is given back."""
        return sum((line.of("amount") for line in self.lines), ZERO)


def rerate(invoice: Invoice) -> Rerated:
    """Rate a finalized month again. Changes nothing. Raises NotReratableError.

    Usage that came late is part of the difference, as it would be of the next invoice.
    """
    _check(invoice)
    terms, tenant = _corrected_terms(invoice), invoice.tenant
    watermark = queries.store_now(tenant)
    priced_by = corrected_now(tenant, invoice, terms).terms or terms
    lines, unpriced = differences(invoice, tenant, priced_by, watermark, KeptBalances())
    return Rerated(invoice, terms, watermark, lines, unpriced)


def book(invoice: Invoice, reason: str = "") -> bool:
    """Rate the period by the corrected terms from now on: the next invoice has the difference.

    False when these terms are in force already. Raises NotReratableError.
    """
    _check(invoice)
    terms = _corrected_terms(invoice)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=invoice.tenant_id)
        return _restate(Invoice.objects.get(pk=invoice.pk), terms, reason)


def book_apart(invoice: Invoice, reason: str = "") -> Invoice | None:
    """The difference as an invoice, or a credit note, of its own, finalized at once.

    None when there is no difference left to book. Raises NotReratableError.
    """
    _check(invoice)
    terms, tenant = _corrected_terms(invoice), invoice.tenant
    while True:
        history = _history(tenant)
        bill = _correction_bill(tenant, invoice, terms)
        if bill.unpriced:
            raise NotReratableError(f"{invoice}: {'; '.join(bill.unpriced)}")
        with transaction.atomic():
            Tenant.objects.select_for_update().get(pk=tenant.pk)
            if _history(tenant) != history:
                continue  # what was billed so far has changed: compute again
            _restate(Invoice.objects.get(pk=invoice.pk), terms, reason)
            return _finalized(invoice, bill) if bill.lines else None


def _check(invoice: Invoice) -> None:
    if invoice.reason != "month" or invoice.status not in _COUNTING:
        kind = "a correction of its own" if invoice.reason != "month" else invoice.status
        raise NotReratableError(f"{invoice} is {kind}; only the invoice of a month is rated again")


def _corrected_terms(invoice: Invoice) -> Terms:
    """The terms in force for the invoice's period, with today's plans, contracts and cost book."""
    own = terms_in_force(invoice)
    today = read_terms(at_terms(invoice.tenant, own), own.month)
    if today.period != own.period:
        raise NotReratableError(f"the period of {invoice} is now another: {today.period}")
    changes = {name: getattr(today, name) for name in _CORRECTED}
    corrected = msgspec.structs.replace(own, **changes, later_token_rates=[], later_catalogue=NONE)
    return Terms.from_json(corrected.as_json())


def _restate(invoice: Invoice, terms: Terms, reason: str) -> bool:
    if terms_in_force(invoice) == terms:
        return False
    Restatement.objects.create(
        invoice=invoice,
        terms=terms.as_json(),
        reason=reason,
        actor=current_actor(),
        moment=timezone.now(),
    )
    audit.record("invoice.rerated", str(invoice), invoice.tenant, reason=reason)
    return True


def _correction_bill(tenant: Tenant, invoice: Invoice, terms: Terms) -> Bill:
    """A bill without usage of its own, which corrects this invoice alone."""
    corrected = corrected_now(tenant, invoice, terms)
    own: dict[str, list[object]] = {
        name: [] for name in terms.__struct_fields__ if isinstance(getattr(terms, name), list)
    }
    nothing = msgspec.structs.replace(terms, **own)
    watermark = queries.store_now(tenant)
    bill = compute_bill(tenant, nothing, [corrected], watermark, KeptBalances())
    # What no charge covers is said by the invoice of the month.
    return replace(bill, not_charged=[])


def _finalized(invoice: Invoice, bill: Bill) -> Invoice:
    earlier = Invoice.objects.filter(tenant=invoice.tenant, month=invoice.month)
    reason = f"rerate-{earlier.exclude(reason='month').count() + 1}"
    note = Invoice(tenant=invoice.tenant, month=invoice.month, reason=reason)
    write_drafts([(note, bill)])
    finalize_written([note])
    return note


def _history(tenant: Tenant) -> list[int]:
    rows = Invoice.objects.filter(tenant=tenant, status__in=_COUNTING).order_by("pk")
    return list(rows.values_list("pk", flat=True))
