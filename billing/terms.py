"""Everything that prices a tenant's month, as one value: read once, and kept with the invoice."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from msgspec import Struct

from billing.catalogue.revision import NONE, latest_number, list_prices
from billing.costs import CostBook, TokenRate, UnitRate
from billing.models import (
    BurstContract,
    ChipPrice,
    Invoice,
    PlanVersion,
    Subscription,
    TokenPrice,
    ToolPrice,
)
from metering.models import Tenant
from metering.usage.period import Period, month_period, range_period


class ChargeTerms(Struct, frozen=True, kw_only=True):
    """A charge as the plan has it; no meter for a burst charge."""

    code: str
    meter: dict[str, Any] | None
    charge: dict[str, Any]


class PlanTerms(Struct, frozen=True, kw_only=True):
    """The charges in force over a part of the period."""

    plan: str
    currency: str
    valid_from: date
    start: datetime
    end: datetime
    charges: list[ChargeTerms]

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)


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


def read_terms(tenant: Tenant, month: str) -> Terms:
    """The terms as they stand now. ValueError for what is no month."""
    period = billing_period(tenant, month)
    plans = _plans(tenant, period)
    costed = charges_cost(plans)
    return Terms(
        month=month,
        timezone=tenant.timezone,
        currency=tenant.currency,
        tax_percent=Decimal(tenant.tax_percent),
        start=period.start,
        end=period.end,
        plans=plans,
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


def billing_period(tenant: Tenant, month: str) -> Period:
    """The tenant's month, from where the invoice before it ended.

    The two differ only when the tenant has moved to another time zone meanwhile: no hour is then
    billed twice, and none is left out.
    """
    period = month_period(month, tenant.timezone)
    before = (date.fromisoformat(f"{month}-01") - timedelta(days=1)).replace(day=1)
    last = finalized_invoices(tenant).filter(month=before).first()
    return Period(last.period_end, period.end) if last else period


def finalized_invoices(tenant: Tenant) -> "QuerySet[Invoice]":
    """A tenant's invoices for its months that count: neither draft nor void."""
    return Invoice.objects.filter(tenant=tenant, reason="month").exclude(
        status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID]
    )


def cost_book(currency: str) -> CostBook:
    """The cost book as it stands now."""
    return CostBook(
        currency, tuple(_token_rates()), tuple(_unit_rates()), list_prices(latest_number())
    )


def local_midnight(day: date, zone: str) -> datetime:
    """When a date begins on a zone's clock."""
    return range_period(day, day + timedelta(days=7), zone).start


def _plans(tenant: Tenant, period: Period) -> list[PlanTerms]:
    """The versions in force, one after the other; none where the tenant had no plan."""
    zone = tenant.timezone
    subscriptions = list(Subscription.objects.filter(tenant=tenant).select_related("plan"))
    versions = PlanVersion.objects.filter(plan__in=[s.plan_id for s in subscriptions])
    dated = list(versions.prefetch_related("charges").select_related("plan"))
    begins = {item.valid_from: local_midnight(item.valid_from, zone) for item in dated}
    begins |= {item.valid_from: local_midnight(item.valid_from, zone) for item in subscriptions}
    cuts = sorted({period.start} | {moment for moment in begins.values() if moment in period})
    found: list[tuple[datetime, PlanVersion | None]] = []
    for cut in cuts:
        past = [item for item in subscriptions if begins[item.valid_from] <= cut]
        plan = max(past, key=lambda item: item.valid_from).plan_id if past else None
        current = [v for v in dated if v.plan_id == plan and begins[v.valid_from] <= cut]
        version = max(current, key=lambda item: item.valid_from, default=None)
        if not found or found[-1][1] != version:
            found.append((cut, version))
    ends = [start for start, _ in found[1:]] + [period.end]
    return [
        _plan_terms(version, start, end)
        for (start, version), end in zip(found, ends, strict=True)
        if version is not None
    ]


def _plan_terms(version: PlanVersion, start: datetime, end: datetime) -> PlanTerms:
    charges = [
        ChargeTerms(code=charge.code, meter=charge.meter, charge=charge.charge)
        for charge in version.charges.all()
    ]
    return PlanTerms(
        plan=version.plan.code,
        currency=version.plan.currency,
        valid_from=version.valid_from,
        start=start,
        end=end,
        charges=charges,
    )


_CONTRACT_FIELDS = tuple(
    name for name in ContractTerms.__struct_fields__ if name not in ("start", "end")
)


def read_contracts(tenant: Tenant, period: Period) -> list[ContractTerms]:
    """The tenant's contracts that are in force in some part of a period, by chip and start."""
    contracts = list(BurstContract.objects.filter(tenant=tenant).order_by("chip", "valid_from"))
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
