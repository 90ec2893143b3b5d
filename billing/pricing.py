"""A tenant's month priced by its terms: usage as of a watermark in, rounded lines out.

The result is a function of the terms and of the events received before the watermark: the same
whatever order they came in, and the same whenever it is computed again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from billing.allowances import Allowances, Included
from billing.burst_balances import Balances
from billing.contracts import MeasuredBurst, measure_contract, uncovered
from billing.cost_meter import cost_usage
from billing.models import InvoiceLine
from billing.parsed import charge_of, meter_of
from billing.plan_terms import ChargeTerms, PlanTerms
from billing.rated_groups import Counted, rated_groups
from billing.rating.charge import Charge
from billing.rating.charge_models.burst import Burst
from billing.rating.each_event import each_event
from billing.rating.errors import ChargeError
from billing.rating.line import RatedLine
from billing.rating.money import plain, round_money
from billing.rating.rate import adjust
from billing.terms import ContractTerms, Terms
from billing.units import line_unit, meter_unit
from metering import queries
from metering.models import Tenant
from metering.usage.meter import Meter
from metering.usage.period import Period

Kind = InvoiceLine.Kind
Group = tuple[tuple[str, str], ...]
Identity = tuple[str, str, Group, datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line of an invoice before it is one. Its kind and first four fields tell it from others."""

    code: str
    group: Group
    start: datetime
    key: str
    end: datetime
    description: str
    quantity: Decimal
    unit: str
    unit_amount: Decimal | None
    exact_amount: Decimal
    amount: Decimal
    kind: Kind = Kind.USAGE

    @property
    def identity(self) -> Identity:
        return self.kind.value, self.code, self.group, self.start, self.key


@dataclass(frozen=True, slots=True)
class Priced:
    """The lines in the order of the plan, and what needs a price and has none."""

    lines: list[PricedLine] = field(default_factory=list)
    unpriced: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Pricing:
    """One charge over one part of the period."""

    tenant: Tenant
    terms: Terms
    watermark: datetime
    balances: Balances
    period: Period
    code: str
    charge: Charge
    # What of the quantities is to be charged, and lines of what is free.
    included: Callable[[list[queries.MeterQuantity]], Included]
    unit: str = ""

    def lines(self, group: Group, rated: list[tuple[Period, RatedLine]]) -> Iterator[PricedLine]:
        """Rated lines, each rounded once."""
        words = [titled(self.code), *(value for _, value in group if value)]
        for period, line in rated:
            yield PricedLine(
                code=self.code,
                group=group,
                start=period.start,
                key=line.key,
                end=period.end,
                description=" · ".join(
                    words if line.key == "units" else [*words, line.description]
                ),
                quantity=Decimal(plain(line.quantity)),
                unit=line_unit(line, self.charge, self.unit),
                unit_amount=line.unit_amount and Decimal(plain(line.unit_amount)),
                exact_amount=Decimal(plain(line.amount)),
                amount=round_money(line.amount, self.terms.currency),
            )


def price(tenant: Tenant, terms: Terms, watermark: datetime, balances: Balances) -> Priced:
    """Every charge of every plan version that the terms hold."""
    priced = Priced()
    month = _Month(at_terms(tenant, terms), terms, watermark, balances, Allowances(terms))
    for plan in terms.plans:
        if plan.currency != terms.currency:
            problem = f"plan {plan.plan} is in {plan.currency}, not {terms.currency}"
            priced.unpriced.append(problem)
            continue
        for charge in plan.charges:
            try:
                _add_charge(priced, month, plan, charge)
            except ChargeError as error:
                # Edited by hand since it was checked: the draft stands, and names it.
                priced.unpriced.append(f"{charge.code}: {error}")
    return priced


def titled(code: str) -> str:
    """A code in words."""
    return code.replace("-", " ").replace("_", " ").capitalize()


def at_terms(tenant: Tenant, terms: Terms) -> Tenant:
    """The tenant as the terms knew it: its days are counted on the clock it had."""
    return Tenant(id=tenant.pk, slug=tenant.slug, timezone=terms.timezone, currency=terms.currency)


@dataclass(frozen=True, slots=True)
class _Month:
    """What all charges of a month are priced with."""

    tenant: Tenant
    terms: Terms
    watermark: datetime
    balances: Balances
    allowances: Allowances

    def pricing(self, plan: PlanTerms, entry: ChargeTerms, charge: Charge) -> _Pricing:
        return _Pricing(
            tenant=self.tenant,
            terms=self.terms,
            watermark=self.watermark,
            balances=self.balances,
            period=plan.period_of(entry),
            code=entry.code,
            charge=charge,
            included=partial(self.allowances.take, plan, entry.code),
        )


def _add_charge(priced: Priced, month: _Month, plan: PlanTerms, entry: ChargeTerms) -> None:
    charge = charge_of(entry)
    pricing = month.pricing(plan, entry, charge)
    if isinstance(charge.model, Burst):
        priced.lines.extend(_burst_lines(pricing, priced.unpriced))
    else:
        meter = meter_of(entry)
        unit = meter_unit(meter, month.terms.currency)
        lines = _metered_lines(replace(pricing, unit=unit), meter, priced.unpriced)
        priced.lines.extend(lines)


def _metered_lines(pricing: _Pricing, meter: Meter, unpriced: list[str]) -> Iterator[PricedLine]:
    """Each group is rated alone; a charge without any usage is rated at 0, for its minimum."""
    counted = Counted(
        tenant=pricing.tenant,
        charge=pricing.charge,
        meter=meter,
        period=pricing.period,
        whole=pricing.terms.period,
        watermark=pricing.watermark,
    )
    single = each_event(pricing.charge) is not None
    quantities = [] if single else _quantities(pricing, meter, unpriced)
    charged, free = pricing.included(quantities)
    groups = rated_groups(counted, charged)
    for group in sorted(groups):
        rated = [*free.get(group, ()), *groups[group].lines]
        yield from pricing.lines(group, [(pricing.period, line) for line in rated])


def _quantities(
    pricing: _Pricing, meter: Meter, unpriced: list[str]
) -> list[queries.MeterQuantity]:
    tenant, period, watermark = pricing.tenant, pricing.period, pricing.watermark
    if meter.metric != "cost":
        return queries.meter_quantities(tenant, meter, period, watermark, pricing.terms.period)
    quantities, missing = cost_usage(tenant, meter, period, pricing.terms.book, watermark)
    unpriced.extend(f"{pricing.code}: {name} has no price in the cost book" for name in missing)
    return quantities


def _burst_lines(pricing: _Pricing, unpriced: list[str]) -> Iterator[PricedLine]:
    """Each chip by its contracts, one after the other; then what applies to their sum."""
    chips = queries.chips(pricing.tenant, pricing.period, pricing.watermark)
    contracts = [c for c in pricing.terms.contracts if c.within(pricing.period)]
    for chip in sorted({*chips, *(contract.chip for contract in contracts)}):
        own = [contract for contract in contracts if contract.chip == chip]
        unpriced.extend(_uncontracted(pricing, chip, own))
        if own:
            yield from _contract_lines(pricing, chip, [_measured(pricing, c) for c in own])


def _measured(pricing: _Pricing, contract: ContractTerms) -> MeasuredBurst:
    period = contract.within(pricing.period)
    assert period is not None, "a contract of the terms reaches into the period"  # noqa: S101
    return measure_contract(pricing.tenant, contract, period, pricing.watermark, pricing.balances)


def _contract_lines(
    pricing: _Pricing, chip: str, measured: list[MeasuredBurst]
) -> Iterator[PricedLine]:
    rated = [(burst.period, line) for burst in measured for line in burst.rated.lines]
    adjusted = adjust(pricing.charge, [line for _, line in rated]).lines
    periods = [period for period, _ in rated]
    periods += [pricing.period] * (len(adjusted) - len(rated))
    yield from pricing.lines((("chip", chip),), list(zip(periods, adjusted, strict=True)))


def _uncontracted(pricing: _Pricing, chip: str, contracts: list[ContractTerms]) -> Iterator[str]:
    gaps = uncovered(pricing.tenant, contracts, chip, pricing.period, pricing.watermark)
    for gap in gaps:
        when = f" from {gap.start:%F %H:%M} to {gap.end:%F %H:%M} UTC"
        since = "" if gap == pricing.period else when
        yield f"{pricing.code}: chip {chip} has no contract{since}"
