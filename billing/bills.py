"""The bills of many tenants as of one watermark, usage being read for all of them at once."""

from collections.abc import Iterator, Sequence

from billing.bill import Bill, compute_bill
from billing.burst_balances import KeptBalances
from billing.corrections import to_correct
from billing.not_charged import counted_meters
from billing.parsed import meter_of
from billing.pricing import at_terms
from billing.terms import Terms
from metering.days_ahead import DaysAhead, reading_ahead
from metering.meter_days import bring_up
from metering.models import Tenant
from metering.usage.meter import Meter
from metering.usage.period import Period


def compute_bills(asked: Sequence[tuple[Tenant, Terms]]) -> list[Bill]:
    """What closing would invoice each tenant by these terms, as of now."""
    if not asked:
        return []
    tenants = [tenant for tenant, _ in asked]
    watermark = bring_up(tenants)
    corrected = to_correct(asked, watermark)
    days = DaysAhead(tenants, watermark)
    for (tenant, terms), earlier in zip(asked, corrected, strict=True):
        for one in (terms, *(item.terms for item in earlier if item.terms)):
            _expect(days, tenant, one)
    with reading_ahead(days):
        return [
            compute_bill(tenant, terms, earlier, watermark, KeptBalances())
            for (tenant, terms), earlier in zip(asked, corrected, strict=True)
        ]


def _expect(days: DaysAhead, tenant: Tenant, terms: Terms) -> None:
    then = at_terms(tenant, terms)
    for period, meter in (*_charged_meters(terms), *counted_meters(terms)):
        days.expect(then, period, [meter])


def _charged_meters(terms: Terms) -> Iterator[tuple[Period, Meter]]:
    for plan in terms.plans:
        for charge in plan.charges:
            if charge.meter is not None:
                yield plan.period_of(charge), meter_of(charge)
