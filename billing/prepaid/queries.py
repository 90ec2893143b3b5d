"""What there is of prepaid credit: balances, grants, movements, and what a draft would draw."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Invoice
from billing.prepaid.booking import due, last_movements, money_sum, purse
from billing.prepaid.models import CreditGrant, CreditMovement
from billing.rating.drawing import draw
from billing.rating.money import EXACT, ZERO
from metering.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """All that is left in a currency, and of it what is in force at this moment."""

    currency: str
    balance: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """A grant and what is left of it."""

    grant: CreditGrant
    left: Decimal
    state: str


def balances(tenant: Tenant) -> list[Balance]:
    """By currency; the tenant's own is there although it has no grant in it."""
    rows: dict[str, list[GrantRow]] = defaultdict(list, {tenant.currency: []})
    for row in grants(tenant):
        rows[row.grant.currency].append(row)
    return [
        Balance(
            currency=currency,
            balance=money_sum((row.left for row in of), currency),
            available=money_sum((row.left for row in of if row.state == "active"), currency),
        )
        for currency, of in sorted(rows.items())
    ]


def grants(tenant: Tenant) -> list[GrantRow]:
    """Every grant, in the order they were made."""
    now = timezone.now()
    return [
        GrantRow(grant=last.grant, left=last.left, state=_state(last, now))
        for last in last_movements([tenant.pk])
    ]


def movements(tenant: Tenant) -> QuerySet[CreditMovement]:
    """Every movement, in the order they were booked."""
    found = CreditMovement.objects.filter(grant__tenant=tenant)
    return found.select_related("grant", "invoice").order_by("pk")


def credit_of(invoice: Invoice) -> Decimal:
    """What credit paid of an invoice, or would pay of a draft if it were finalized now."""
    if invoice.status != Invoice.Status.DRAFT:
        return invoice.credits_applied
    purses = [
        purse(last)
        for last in last_movements([invoice.tenant_id])
        if last.grant.currency == invoice.currency
    ]
    draws = draw(due(invoice), purses, invoice.period_end, timezone.now())
    return money_sum((one.amount for one in draws), invoice.currency)


def differences(invoice: Invoice) -> Iterator[str]:
    """Where what an invoice says of credit is not what the ledger has booked for it."""
    drawn = invoice.credit_movements.filter(kind=CreditMovement.Kind.DRAWN)
    booked = EXACT.minus(money_sum(drawn.values_list("amount", flat=True), invoice.currency))
    if booked != invoice.credits_applied:
        yield f"credits_applied {invoice.credits_applied}, booked {booked}"


def broken(tenant: Tenant) -> Iterator[str]:
    """Where movements do not add up to what is left, or to what invoices say; a sentence each."""
    left: dict[int, tuple[int, Decimal]] = {}
    for movement in movements(tenant).order_by("grant", "sequence").iterator():
        sequence, before = left.get(movement.grant_id, (0, ZERO))
        if (movement.sequence, movement.left) != (
            sequence + 1,
            EXACT.add(before, movement.amount),
        ):
            yield f"movement {movement.sequence} of grant {movement.grant.key} does not add up"
        left[movement.grant_id] = movement.sequence, movement.left
    for grant in tenant.credit_grants.exclude(pk__in=left):
        yield f"grant {grant.key} has no movement"
    for invoice in tenant.invoices.exclude(status=Invoice.Status.DRAFT):
        yield from (f"{invoice}: {what}" for what in differences(invoice))


def _state(last: CreditMovement, now: datetime) -> str:
    """`used up` says nothing of how: the movements do."""
    grant = last.grant
    if not last.left:
        return "used_up"
    if grant.expires_at is not None and grant.expires_at <= now:
        return "expired"
    return "active" if grant.effective_at <= now else "pending"
