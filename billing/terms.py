"""Everything that prices a tenant's month, as one value: read once, and kept with the invoice."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from msgspec import Struct

from billing.catalogue.revision import NONE, latest_number, list_prices
from billing.costs import CostBook, TokenRate, UnitRate
from billing.coupon_terms import CouponTerms, read_coupons
from billing.fee_terms import BilledFee, FeeTerms, read_billed_fees, read_fees
from billing.models import ChipPrice, Invoice, TokenPrice, ToolPrice
from billing.plan_terms import PlanTerms
from billing.timeline import Timeline, local_midnight
from metering.models import Tenant
from metering.usage.period import Period, month_period


class ContractTerms(Struct, frozen=True, kw_only=True):
    """A burst contract from the moment it starts; until the next one for the chip, if there is."""

    chip: str
    start: datetime
    end: datetime | None
    baseline: Decimal
    baseline_price: Decimal
    on_demand_price: Decimal
    burst_tiers: list[Any]
    idle_factor: Decimal
    granularity_ms: int
    minimum_ms: int
    cold_start_fee: Decimal
    credit_accrual: Decimal
    credit_cap: Decimal

    def within(self, period: Period) -> Period | None:
        """The part of a period in which it is in force."""
        end = period.end if self.end is None else min(self.end, period.end)
        start = max(self.start, period.start)
        return Period(start, end) if start < end else None


class Terms(Struct, frozen=True, kw_only=True):
    """What an invoice is priced from, beside the events received before its watermark."""

    month: str
    timezone: str
    currency: str
    tax_percent: Decimal
    start: datetime
    end: datetime
    plans: list[PlanTerms]
    # Fees of this month, and of the next one where they are billed in advance.
    fees: list[FeeTerms] = []
    billed_fees: list[BilledFee] = []
    coupons: list[CouponTerms] = []
    contracts: list[ContractTerms]
    token_rates: list[TokenRate]
    unit_rates: list[UnitRate]
    daa_min_tasks: int
    reuse_window_seconds: int
    # A revision never changes, so its number is as good as all of its prices.
    catalogue: int = NONE
    # Of a correction: the prices that were known later, for what had none.
    later_token_rates: list[TokenRate] = []
    later_catalogue: int = NONE

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)

    @property
    def costed(self) -> bool:
        """Whether the cost book is part of the terms."""
        return charges_cost(self.plans)

    @property
    def book(self) -> CostBook:
        return CostBook(
            self.currency,
            tuple(self.token_rates),
            tuple(self.unit_rates),
            list_prices(self.catalogue),
            CostBook(
                self.currency,
                tuple(self.later_token_rates),
                listed=list_prices(self.later_catalogue),
            ),
        )

    def as_json(self) -> Any:
        return msgspec.to_builtins(self)

    @classmethod
    def from_json(cls, data: object) -> "Terms":
        return msgspec.convert(data, cls)


def read_terms(tenant: Tenant, month: str, ended: Mapping[int, datetime] | None = None) -> Terms:
    """The terms as they stand now. ValueError for what is no month.

    `ended` is what `ends_before` says, where many tenants are read.
    """
    ended = ends_before([tenant.pk], month) if ended is None else ended
    period = billing_period(tenant, month, ended.get(tenant.pk))
    timeline = Timeline.read(tenant, tenant.timezone)
    plans, fees = timeline.plans(period), read_fees(timeline, month)
    costed = charges_cost(plans)
    return Terms(
        month=month,
        timezone=tenant.timezone,
        currency=tenant.currency,
        tax_percent=Decimal(tenant.tax_percent),
        start=period.start,
        end=period.end,
        plans=plans,
        fees=fees,
        billed_fees=read_billed_fees(tenant, month, fees),
        coupons=read_coupons(tenant, month, timeline),
        contracts=read_contracts(tenant, period),
        token_rates=_token_rates() if costed else [],
        unit_rates=_unit_rates() if costed else [],
        daa_min_tasks=settings.DAA_MIN_TASKS,
        reuse_window_seconds=settings.REUSE_WINDOW_SECONDS,
        catalogue=latest_number() if costed else NONE,
    )


def charges_cost(plans: list[PlanTerms]) -> bool:
    """Whether a charge is cost-plus: only such a one needs the cost book, which may be long."""
    charges = [charge for plan in plans for charge in plan.charges]
    return any(charge.meter and charge.meter.get("metric") == "cost" for charge in charges)


def billing_period(tenant: Tenant, month: str, ended: datetime | None) -> Period:
    """The tenant's month, from where the invoice before it ended.

    The two differ only when the tenant has moved to another time zone meanwhile: no hour is then
    billed twice, and none is left out.
    """
    period = month_period(month, tenant.timezone)
    return Period(ended, period.end) if ended else period


def ends_before(tenants: Iterable[int], month: str) -> dict[int, datetime]:
    """By tenant, the end of the invoice for the month before one, if there is one that counts."""
    before = (date.fromisoformat(f"{month}-01") - timedelta(days=1)).replace(day=1)
    rows = Invoice.objects.filter(tenant__in=list(tenants), month=before, reason="month")
    return dict(_counting(rows).order_by().values_list("tenant", "period_end"))


def finalized_invoices(tenant: Tenant) -> "QuerySet[Invoice]":
    """A tenant's invoices for its months that count: neither draft nor void."""
    return _counting(Invoice.objects.filter(tenant=tenant, reason="month"))


def _counting(invoices: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
    return invoices.exclude(status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])


def cost_book(currency: str) -> CostBook:
    """The cost book as it stands now."""
    return CostBook(
        currency, tuple(_token_rates()), tuple(_unit_rates()), list_prices(latest_number())
    )


_CONTRACT_FIELDS = tuple(
    name for name in ContractTerms.__struct_fields__ if name not in ("start", "end")
)


def read_contracts(tenant: Tenant, period: Period) -> list[ContractTerms]:
    """The tenant's contracts that are in force in some part of a period, by chip and start."""
    contracts = sorted(tenant.contracts.all(), key=lambda c: (c.chip, c.valid_from))
    found = []
    for n, contract in enumerate(contracts):
        following = contracts[n + 1] if n + 1 < len(contracts) else None
        end = None
        if following is not None and following.chip == contract.chip:
            end = local_midnight(following.valid_from, tenant.timezone)
        terms = ContractTerms(
            start=local_midnight(contract.valid_from, tenant.timezone),
            end=end,
            **{name: getattr(contract, name) for name in _CONTRACT_FIELDS},
        )
        if terms.within(period):
            found.append(terms)
    return found


def _token_rates() -> list[TokenRate]:
    names = TokenRate.__struct_fields__
    rows = TokenPrice.objects.order_by(*TokenPrice.KEY)
    return [TokenRate(**{name: getattr(row, name) for name in names}) for row in rows]


def _unit_rates() -> list[UnitRate]:
    return [
        *(_unit_rate("chip", row.chip, row, row.per_second) for row in ChipPrice.objects.all()),
        *(_unit_rate("tool", row.tool, row, row.per_unit) for row in ToolPrice.objects.all()),
    ]


def _unit_rate(kind: str, name: str, row: ChipPrice | ToolPrice, amount: Decimal) -> UnitRate:
    return UnitRate(
        kind=kind, name=name, valid_from=row.valid_from, currency=row.currency, amount=amount
    )
