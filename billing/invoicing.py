"""From usage to invoices: drafting, finalizing and closing a month. Every step may run twice."""

from collections.abc import Iterable, Iterator
from itertools import islice

from billing.bill import Bill
from billing.closing import Closed, bill_now, close_chunk
from billing.models import Invoice
from metering.models import Tenant

__all__ = [
    "Closed",
    "NotFinalizableError",
    "NothingToInvoiceError",
    "close_month",
    "draft_invoice",
    "finalize_invoice",
    "preview_bill",
]

# Tenants that are computed together and written in one transaction: enough that each query serves
# many, and few enough that nobody waits long for their rows.
CHUNK = 200


class NothingToInvoiceError(Exception):
    """Why a tenant gets no invoice for a month, in one sentence."""


class NotFinalizableError(Exception):
    """Why an invoice has to stay a draft, in one sentence."""


def draft_invoice(tenant: Tenant, month: str) -> Invoice:
    """The month's invoice: computed anew while it is a draft, as it is once it is finalized."""
    [closed] = close_chunk(month, [tenant], finalize=False)
    return _invoice(closed)


def preview_bill(tenant: Tenant, month: str) -> Bill:
    """What `draft_invoice` would write at this moment; nothing is stored."""
    bill, problem = bill_now(tenant, month)
    if bill is None:
        raise NothingToInvoiceError(problem)
    return bill


def finalize_invoice(invoice: Invoice) -> Invoice:
    """Fix the watermark, compute once more, give the number. Raises NotFinalizableError."""
    current = Invoice.objects.select_related("tenant").get(pk=invoice.pk)
    if current.status != Invoice.Status.DRAFT:
        return current
    [closed] = close_chunk(f"{current.month:%Y-%m}", [current.tenant], finalize=True)
    finalized = _invoice(closed)
    if closed.problem:
        raise NotFinalizableError(closed.problem)
    return finalized


def close_month(
    month: str, tenants: Iterable[Tenant], *, finalize: bool, chunk: int = CHUNK
) -> Iterator[Closed]:
    """Draft, and finalize if asked to, a chunk of the tenants after the other."""
    waiting = iter(tenants)
    while some := list(islice(waiting, chunk)):
        yield from close_chunk(month, some, finalize=finalize)


def _invoice(closed: Closed) -> Invoice:
    if closed.invoice is None:
        raise NothingToInvoiceError(closed.problem)
    return closed.invoice
