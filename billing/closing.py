"""Closes a month for a chunk of tenants: computed outside of a transaction, written in a short one.

Within the transaction the tenants' rows are locked, so that two workers wait for each other and
the second finds the work done. A worker that is killed before it commits has changed nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.bill import Bill
from billing.bills import compute_bills
from billing.fee_lines import fee_lines
from billing.finalizing import finalize_written
from billing.invoice_rows import write_drafts
from billing.models import Invoice
from billing.terms import Terms, ends_before, read_terms
from billing.timeline import with_subscriptions
from metering.models import Tenant

_COUNTING = (Invoice.Status.FINALIZED, Invoice.Status.PAID, Invoice.Status.UNCOLLECTIBLE)


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a month did for a tenant; `problem` says why there is no more than that."""

    tenant: Tenant
    invoice: Invoice | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What of the tenants is invoiced: for the month, and which invoices count at all."""

    current: dict[int, Invoice] = field(default_factory=dict)
    history: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Computed:
    """A tenant's bill, and the finalized invoices that it goes by."""

    tenant: Tenant
    bill: Bill
    history: list[int]
    problem: str

    @property
    def label(self) -> str:
        return f"{self.tenant} {self.bill.terms.month}"


def close_chunk(month: str, tenants: Sequence[Tenant], *, finalize: bool) -> list[Closed]:
    """Draft the month of each tenant, and finalize what can be, if asked to."""
    closed: dict[int, Closed] = {}
    waiting: Sequence[Tenant] = tenants
    while waiting:
        computed = list(_compute(month, waiting, closed, finalize=finalize))
        waiting = _write(month, computed, closed, finalize=finalize)
    return [closed[tenant.pk] for tenant in tenants]


def bill_now(tenant: Tenant, month: str) -> tuple[Bill | None, str]:
    """What closing the month at this moment would write, or why it would write nothing."""
    terms = read_terms(tenant, month)
    if reason := _nothing_to_invoice(tenant, terms):
        return None, reason
    [bill] = compute_bills([(tenant, terms)])
    return bill, ""


def _compute(
    month: str, tenants: Sequence[Tenant], closed: dict[int, Closed], *, finalize: bool
) -> Iterator[Computed]:
    """The bills of those that get one; what became of the others is noted in `closed`."""
    ledgers = _read_ledgers(month, tenants)
    asked: list[tuple[Tenant, Terms]] = []
    known = with_subscriptions(tenant.pk for tenant in tenants)
    ended = ends_before(known, month)
    for tenant in tenants:
        current = ledgers.current.get(tenant.pk)
        if current and current.status != Invoice.Status.DRAFT:
            closed[tenant.pk] = Closed(tenant, current)
            continue
        terms = read_terms(known[tenant.pk], month, ended)
        if reason := _nothing_to_invoice(tenant, terms):
            closed[tenant.pk] = Closed(tenant, None, reason)
        else:
            asked.append((tenant, terms))
    for (tenant, _), bill in zip(asked, compute_bills(asked), strict=True):
        problem = _not_finalizable(bill) if finalize else ""
        yield Computed(tenant, bill, ledgers.history.get(tenant.pk, []), problem)


def _nothing_to_invoice(tenant: Tenant, terms: Terms) -> str:
    if timezone.now() < terms.start:
        return f"{terms.month} has not begun for {tenant}"
    if not terms.plans and not fee_lines(terms):
        return f"{tenant} has no plan in {terms.month}, so there is nothing to invoice"
    return ""


def _not_finalizable(bill: Bill) -> str:
    """Why a bill has to stay a draft; nothing if it has not."""
    ready = bill.terms.end + timedelta(seconds=settings.INVOICE_GRACE_SECONDS)
    if timezone.now() < ready:
        return f"can be finalized from {ready:%F %H:%M} UTC on"
    return "; ".join(bill.unpriced)


def _write(
    month: str, computed: Iterable[Computed], closed: dict[int, Closed], *, finalize: bool
) -> list[Tenant]:
    """Save the bills; the tenants that another worker invoiced meanwhile are left, and returned."""
    by_tenant = {item.tenant.pk: item for item in computed}
    if not by_tenant:
        return []
    overtaken: list[Tenant] = []
    bills: list[tuple[Invoice, Computed]] = []
    with transaction.atomic():
        _lock(by_tenant)
        ledgers = _read_ledgers(month, [item.tenant for item in by_tenant.values()])
        for pk, item in by_tenant.items():
            # Corrections depend on what was billed so far: if that has changed, compute again.
            if ledgers.history.get(pk, []) != item.history:
                overtaken.append(item.tenant)
                continue
            current = ledgers.current.get(pk)
            bills.append((current or Invoice(tenant=item.tenant, month=_first_day(month)), item))
        write_drafts([(invoice, item.bill) for invoice, item in bills])
        if finalize:
            finalize_written([invoice for invoice, item in bills if not item.problem])
    for invoice, item in bills:
        problem = f"{item.label}: {item.problem}" if item.problem else ""
        closed[item.tenant.pk] = Closed(item.tenant, invoice, problem)
    return overtaken


def _lock(tenants: Iterable[int]) -> None:
    """In one order, so that two workers never hold what the other waits for."""
    rows = Tenant.objects.select_for_update().filter(pk__in=list(tenants)).order_by("pk")
    list(rows.values_list("pk"))


def _read_ledgers(month: str, tenants: Sequence[Tenant]) -> Ledgers:
    by_pk = {tenant.pk: tenant for tenant in tenants}
    found = Ledgers()
    # The history first: what is finalized between the two reads is then seen to be so by the
    # second one, and never taken for a draft of a history that holds it already.
    counting = Invoice.objects.filter(tenant__in=by_pk, status__in=_COUNTING).order_by("pk")
    for tenant, pk in counting.values_list("tenant_id", "pk"):
        found.history.setdefault(tenant, []).append(pk)
    rows = Invoice.objects.filter(tenant__in=by_pk, month=_first_day(month), reason="month")
    for invoice in rows.exclude(status=Invoice.Status.VOID):
        invoice.tenant = by_pk[invoice.tenant_id]
        found.current[invoice.tenant_id] = invoice
    return found


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
