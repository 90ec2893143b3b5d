"""The prepaid ledger's movements: granting, drawing, giving back, expiring, withdrawing.

What is left of a grant is what its last movement says. Whoever moves anything holds the tenant's
row; and should someone not, the database has room for one next movement of a grant only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from billing.models import Invoice
from billing.prepaid.models import CreditGrant, CreditMovement
from billing.rating.drawing import Purse, draw
from billing.rating.money import EXACT, ZERO, round_money
from metering import audit
from metering.models import Tenant

Kind = CreditMovement.Kind
# An invoice of a period that a grant still pays for may be finalized some time after it.
EXPIRY_DELAY = timedelta(days=3)
_BATCH = 500
# By tenant and currency, the last movement of each grant.
Lasts = dict[tuple[int, str], dict[int, CreditMovement]]


def draw_credits(invoices: Sequence[Invoice]) -> None:
    """Pay what prepaid credit can of invoices that are being finalized; sets `credits_applied`.

    Runs in the transaction that finalizes them, so that neither is there without the other.
    """
    now = timezone.now()
    lasts = _held({invoice.tenant_id for invoice in invoices})
    moved: list[CreditMovement] = []
    for invoice in invoices:
        own = lasts[invoice.tenant_id, invoice.currency]
        draws = draw(due(invoice), map(purse, own.values()), invoice.period_end, now)
        invoice.credits_applied = money_sum((one.amount for one in draws), invoice.currency)
        for one in draws:
            taken = EXACT.minus(one.amount)
            own[one.grant] = _next(own[one.grant], Kind.DRAWN, taken, f"{invoice.pk}", invoice)
            moved.append(own[one.grant])
    CreditMovement.objects.bulk_create(moved, batch_size=_BATCH)


def due(invoice: Invoice) -> Decimal:
    """What credit could pay of an invoice: nothing of one that gives money back."""
    return max(invoice.total, ZERO)


def money_sum(amounts: Iterable[Decimal], currency: str) -> Decimal:
    """The plain sum of amounts that are rounded already, with the currency's digits."""
    total = round_money(ZERO, currency)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def give_back(invoice: Invoice) -> Decimal:
    """Return what a void invoice had drawn, each amount to its grant; once, however often called.

    A grant that expired in the meantime has it for the invoice that replaces the void one, whose
    period had ended before; what that one does not draw expires after all.
    """
    with transaction.atomic():
        lasts = _held({invoice.tenant_id})[invoice.tenant_id, invoice.currency]
        returned = {
            grant: EXACT.minus(moved) for grant, moved in _moved_for(invoice).items() if moved
        }
        CreditMovement.objects.bulk_create(
            _next(lasts[grant], Kind.RETURNED, amount, f"void {invoice.pk}", invoice)
            for grant, amount in returned.items()
        )
    return money_sum(returned.values(), invoice.currency)


def expire(tenant: Tenant) -> list[CreditMovement]:
    """Book what is left of the tenant's expired grants.

    Three days after they expired, and not while a draft waits that they may pay for.
    """
    with transaction.atomic():
        lock([tenant.pk])
        now = timezone.now()
        return CreditMovement.objects.bulk_create(
            _next(last, Kind.EXPIRED, EXACT.minus(last.left), f"expiry {last.sequence}")
            for last in last_movements([tenant.pk])
            if last.left and _is_over(last, now)
        )


def withdraw(grant: CreditGrant) -> Decimal:
    """Take back what is left of a grant, as of one that was a mistake; says how much it was."""
    with transaction.atomic():
        last = _held({grant.tenant_id})[grant.tenant_id, grant.currency][grant.pk]
        if last.left:
            taken, key = EXACT.minus(last.left), f"withdrawal {last.sequence}"
            _next(last, Kind.WITHDRAWN, taken, key).save(force_insert=True)
            about = {"amount": f"{last.left:f} {grant.currency}"}
            audit.record("credits.withdrawn", grant.key, grant.tenant, **about)
        return last.left


def purse(last: CreditMovement) -> Purse:
    """A grant after its last movement, as drawing sees it."""
    grant = last.grant
    return Purse(
        grant=grant.pk,
        left=last.left,
        priority=grant.priority,
        effective_at=grant.effective_at,
        expires_at=grant.expires_at,
    )


def last_movements(tenants: Iterable[int]) -> list[CreditMovement]:
    """The last movement of every grant of these tenants, by grant."""
    newest = CreditMovement.objects.filter(grant=OuterRef("pk")).order_by("-sequence")
    grants = CreditGrant.objects.filter(tenant__in=tenants)
    last = grants.annotate(last=Subquery(newest.values("pk")[:1])).values("last")
    found = CreditMovement.objects.filter(pk__in=last).select_related("grant__tenant")
    return list(found.order_by("grant"))


def lock(tenants: Iterable[int]) -> None:
    """Hold the rows of these tenants until the transaction ends, always in the same order."""
    rows = Tenant.objects.select_for_update(no_key=True).filter(pk__in=tenants)
    list(rows.order_by("pk").values_list("pk"))


def _held(tenants: Collection[int]) -> Lasts:
    """The tenants' last movements by tenant and currency, while nobody else can add one."""
    lock(tenants)
    lasts: Lasts = defaultdict(dict)
    for last in last_movements(tenants):
        lasts[last.grant.tenant_id, last.grant.currency][last.grant_id] = last
    return lasts


def _next(
    last: CreditMovement, kind: Kind, amount: Decimal, key: str, invoice: Invoice | None = None
) -> CreditMovement:
    return CreditMovement(
        grant=last.grant,
        sequence=last.sequence + 1,
        key=key,
        kind=kind,
        amount=amount,
        left=EXACT.add(last.left, amount),
        invoice=invoice,
    )


def _moved_for(invoice: Invoice) -> dict[int, Decimal]:
    """By grant, the sum of what was drawn for an invoice and returned from it."""
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for grant, amount in invoice.credit_movements.values_list("grant", "amount"):
        sums[grant] = EXACT.add(sums[grant], amount)
    return sums


def _is_over(last: CreditMovement, now: datetime) -> bool:
    """Whether what is left can pay for nothing any more."""
    expiry = last.grant.expires_at
    if expiry is None or now < max(expiry, last.moment) + EXPIRY_DELAY:
        return False
    drafts = last.grant.tenant.invoices.filter(status=Invoice.Status.DRAFT)
    return not drafts.filter(period_end__lte=expiry, currency=last.grant.currency).exists()
