"""How many rows a file will have, as far as that is known before; never fewer."""

from collections.abc import Callable

from billing.exports.ask import Ask
from billing.models import Invoice, InvoiceLine
from metering import queries
from metering.models import Tenant
from metering.usage.period import month_period

# Each line, a row for the rounding and one for the tax; what a journal adds up is no more.
_BESIDE_LINES = 2


def expected_rows(tenant: Tenant, ask: Ask) -> int:
    """A file has at most so many rows."""
    return _BOUNDS[ask.kind](tenant, ask.month)


def _invoices(tenant: Tenant, month: str) -> int:
    return Invoice.objects.filter(tenant=tenant, month=f"{month}-01").count()


def _lines(tenant: Tenant, month: str) -> int:
    return InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month=f"{month}-01").count()


def _charges(tenant: Tenant, month: str) -> int:
    return _lines(tenant, month) + _BESIDE_LINES * _invoices(tenant, month)


def _events(tenant: Tenant, month: str) -> int:
    """There is no row of usage and no task without an event."""
    period = month_period(month, tenant.timezone)
    return sum(count for _, count in queries.usage_types(tenant, period))


_BOUNDS: dict[str, Callable[[Tenant, str], int]] = {
    "invoices": _invoices,
    "lines": _lines,
    "focus": _charges,
    "journal": _charges,
    "usage": _events,
    "tasks": _events,
}
