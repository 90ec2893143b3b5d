"""How many rows a file will have, as far as that is known before; never fewer."""

from collections.abc import Callable

from billing.exports.ask import Ask
from billing.exports.journals.steps import moved_in
from billing.models import Invoice, InvoiceLine
from billing.payments import Payment
from metering import queries
from metering.models import Tenant
from metering.usage.period import month_period

# Beside a row for each line, one for the rounding and one for the tax.
_BESIDE_LINES = 2
# And in a journal what is owed, prepaid credit, tax, and what a system rounds; or a loss.
_BESIDE_CHARGES = 5


def expected_rows(tenant: Tenant, ask: Ask) -> int:
    """A file has at most so many rows."""
    return _BOUNDS[ask.kind](tenant, ask.month)


def _invoices(tenant: Tenant, month: str) -> int:
    return Invoice.objects.filter(tenant=tenant, month=f"{month}-01").count()


def _lines(tenant: Tenant, month: str) -> int:
    return InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month=f"{month}-01").count()


def _charges(tenant: Tenant, month: str) -> int:
    return _lines(tenant, month) + _BESIDE_LINES * _invoices(tenant, month)


def _entries(tenant: Tenant, month: str) -> int:
    """Lines of the month's documents, and once more those of what was void in it."""
    invoices = tenant.invoices.filter(month=f"{month}-01").exclude(status=Invoice.Status.DRAFT)
    moved = moved_in(tenant, month)
    payments = Payment.objects.filter(invoice__in=moved).count()
    lines = InvoiceLine.objects.filter(invoice__in=invoices).count()
    void = moved.filter(status=Invoice.Status.VOID)
    reversals = InvoiceLine.objects.filter(invoice__in=void).count()
    documents = invoices.count() + 2 * moved.count()
    return lines + reversals + _BESIDE_CHARGES * (documents + payments)


def _events(tenant: Tenant, month: str) -> int:
    """There is no row of usage and no task without an event."""
    period = month_period(month, tenant.timezone)
    return sum(count for _, count in queries.usage_types(tenant, period))


_BOUNDS: dict[str, Callable[[Tenant, str], int]] = {
    "invoices": _invoices,
    "lines": _lines,
    "focus": _charges,
    "journal": _entries,
    "usage": _events,
    "tasks": _events,
}
