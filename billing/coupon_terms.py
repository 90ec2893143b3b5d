"""Which coupons apply to a tenant's invoice of a month: part of its terms."""

from collections import Counter
from datetime import date
from decimal import Decimal

from msgspec import Struct

from billing.concessions import Coupon
from billing.models import Invoice, InvoiceLine
from billing.timeline import Timeline
from metering.models import Tenant


class CouponTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A coupon as the invoice takes it off."""

    code: str
    description: str = ""
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str = ""
    charges: list[str] = []


def read_coupons(tenant: Tenant, month: str, timeline: Timeline) -> list[CouponTerms]:
    """In the order they are taken off: what is limited to charges first, then by date and code."""
    first = date.fromisoformat(f"{month}-01")
    coupons = [c for c in tenant.coupons.all() if _in_turn(c, first, timeline)]
    used = _months_used(tenant, first) if any(c.months for c in coupons) else Counter[str]()
    coupons = [c for c in coupons if c.months is None or used[c.code] < c.months]
    coupons.sort(key=lambda c: (not c.charges, c.valid_from, c.code))
    return [
        CouponTerms(**{name: getattr(c, name) for name in CouponTerms.__struct_fields__})
        for c in coupons
    ]


def _in_turn(coupon: Coupon, first: date, timeline: Timeline) -> bool:
    """Whether a month is one of the coupon's: they are counted from when there is an invoice."""
    begins = [s.valid_from for s in timeline.subscriptions[:1]]
    start = max([coupon.valid_from, *begins])
    number = (first.year - start.year) * 12 + first.month - start.month
    return number >= 0 and (coupon.months is None or number < coupon.months)


def _months_used(tenant: Tenant, first: date) -> Counter[str]:
    """On how many months' invoices a coupon is already, so that none is used too often.

    The calendar sees to that, unless the coupon or the subscription was dated anew meanwhile.
    """
    lines = (
        InvoiceLine.objects.filter(
            invoice__tenant=tenant, kind=InvoiceLine.Kind.COUPON, corrects=None
        )
        .exclude(invoice__status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])
        .exclude(invoice__month=first)
    )
    months = lines.order_by().values_list("code", "invoice__month").distinct()
    return Counter(code for code, _ in months)
