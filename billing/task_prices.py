"""What a plan charges for a task, as far as a charge can be told apart by tasks.

Which part of a charge is a task's, and which is nobody's: docs/decisions/0017-task-ledger.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from zoneinfo import ZoneInfo

from billing.cost_meter import cost_quantities
from billing.costs import CostBook
from billing.rating.charge import Charge, parse_charge
from billing.rating.charge_models.burst import Burst
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.per_unit import PerUnit
from billing.rating.charge_models.percentage import Percentage
from billing.rating.errors import ChargeError
from billing.rating.money import EXACT, ZERO
from billing.rating.rate import rate
from billing.rating.units import UsageToRate
from billing.task_costs import grouped_costs
from billing.terms import ChargeTerms, PlanTerms, Terms, read_terms
from metering import queries, task_queries
from metering.models import Tenant
from metering.usage.calls import USEFUL
from metering.usage.ledger import TaskLine
from metering.usage.meter import LABEL, Meter, parse_meter
from metering.usage.period import Period

Group = tuple[tuple[str, str], ...]
Quantities = dict[tuple[str, Group], Decimal]

_CHIPS = Meter(type="agent.chip", aggregation="count")
_ADDITIVE = ("sum", "count")
_AGENT_DAYS = ("delivering_agent_days", "active_agent_days")
# A share of a charge may never end; it is looked at, and never invoiced.
_SHARE = Context(prec=40)
_LATER_THAN_ANY_EVENT = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class TaskPrices:
    """The price of each task, exact and unrounded, and why a price is not known.

    `nobody` names what the plan charges beside, which is no task's.
    """

    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    unknown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    nobody: set[str] = field(default_factory=set)

    def of(self, task: str) -> Decimal | None:
        """None where a part of the price is not known."""
        return None if self.unknown.get(task) else self.amounts[task]

    def add(self, task: str, amount: Decimal) -> None:
        self.amounts[task] = EXACT.add(self.amounts[task], amount)


@dataclass(frozen=True, slots=True)
class _Pricing:
    """One charge over the part of the tasks' time in which it is in force."""

    tenant: Tenant
    lines: Sequence[TaskLine]
    period: Period
    plan: PlanTerms
    book: CostBook
    code: str
    charge: Charge
    meter: Meter


def task_prices(tenant: Tenant, lines: Sequence[TaskLine], period: Period) -> TaskPrices:
    """What the tenant's plan, as it is now, charges for the tasks' usage in a period."""
    prices = TaskPrices()
    for month in _months(period, tenant.timezone) if lines else ():
        terms = read_terms(tenant, month)
        _without_plan(prices, lines, period, terms)
        for plan in terms.plans:
            part = plan.period.intersect(period)
            own = [line for line in lines if part and _reaches(line, part)]
            if part is None or not own:
                continue
            for entry in plan.charges:
                try:
                    _add_charge(prices, tenant, own, part, plan, terms, entry)
                except ChargeError as error:
                    _unknown(prices, own, f"{entry.code}: {error}")
    return prices


def _months(period: Period, zone: str) -> Iterator[str]:
    clock = ZoneInfo(zone)
    day = period.start.astimezone(clock).date().replace(day=1)
    last = (period.end - timedelta(microseconds=1)).astimezone(clock).date()
    while day <= last:
        yield f"{day:%Y-%m}"
        day = (day + timedelta(days=31)).replace(day=1)


def _reaches(line: TaskLine, part: Period) -> bool:
    return line.first_time < part.end and line.last_time >= part.start


def _unknown(prices: TaskPrices, lines: Sequence[TaskLine], reason: str) -> None:
    for line in lines:
        prices.unknown[line.task].add(reason)


def _without_plan(
    prices: TaskPrices, lines: Sequence[TaskLine], period: Period, terms: Terms
) -> None:
    """No plan and a plan in another currency give no price, which is not a price of 0."""
    month = terms.period.intersect(period)
    start = terms.plans[0].start if terms.plans else terms.end
    if month and month.start < start:
        gap = Period(month.start, min(start, month.end))
        _unknown(prices, [line for line in lines if _reaches(line, gap)], "no plan was in force")
    for plan in terms.plans:
        if plan.currency != terms.currency:
            own = [line for line in lines if _reaches(line, plan.period)]
            _unknown(prices, own, f"plan {plan.plan} is in {plan.currency}, not {terms.currency}")


def _add_charge(
    prices: TaskPrices,
    tenant: Tenant,
    lines: Sequence[TaskLine],
    part: Period,
    plan: PlanTerms,
    terms: Terms,
    entry: ChargeTerms,
) -> None:
    charge = parse_charge(entry.charge)
    meter = _CHIPS if isinstance(charge.model, Burst) else parse_meter(entry.meter)
    pricing = _Pricing(tenant, lines, part, plan, terms.book, entry.code, charge, meter)
    prices.nobody.update(_fixed_parts(pricing))
    if meter.metric in _AGENT_DAYS:
        prices.nobody.add(f"{entry.code}: is charged for an agent's day, whatever it did on it")
    elif isinstance(charge.model, Burst):
        _name_users(prices, pricing, "depends on all chips that are in use at once")
    elif not meter.metric and meter.aggregation not in _ADDITIVE:
        _name_users(prices, pricing, f"{meter.aggregation} of all events is not a sum over tasks")
    else:
        _add_metered(prices, pricing)


def _name_users(prices: TaskPrices, pricing: _Pricing, why: str) -> None:
    """The price is unknown of tasks that have an event which the charge is for."""
    meter = replace(pricing.meter, aggregation="count", value="", group_by=())
    found = task_queries.task_quantities(pricing.tenant, pricing.lines, meter, pricing.period)
    for quantity in found:
        prices.unknown[quantity.group[0][1]].add(f"{pricing.code}: {why}")


def _fixed_parts(pricing: _Pricing) -> Iterator[str]:
    charge = pricing.charge
    commitment = charge.commitment
    if charge.minimum is not None:
        yield f"{pricing.code}: the minimum is owed by the month"
    if commitment is not None and commitment.true_up:
        yield f"{pricing.code}: the true-up is owed by the month"
    if any(tier.flat_amount for tier in getattr(charge.model, "tiers", ())):
        yield f"{pricing.code}: flat amounts are owed by the month"


def _of_usage(charge: Charge) -> Charge:
    """The charge without what is owed by the month, whatever was used."""
    commitment, model = charge.commitment, charge.model
    tiers = getattr(model, "tiers", None)
    if tiers is not None:
        flatless = tuple(replace(tier, flat_amount=ZERO) for tier in tiers)
        model = replace(model, tiers=flatless)
    return replace(
        charge,
        model=model,
        commitment=replace(commitment, true_up=False) if commitment else None,
        minimum=None,
    )


def _each_unit_alone(charge: Charge) -> bool:
    """Whether the amount of two quantities is always the sum of their amounts."""
    conversion = charge.unit_conversion
    return (
        isinstance(charge.model, PerUnit | Percentage | Dynamic)
        and (conversion is None or conversion.rounding == "none")
        and not charge.free_units
        and charge.commitment is None
        and charge.maximum is None
    )


def _add_metered(prices: TaskPrices, pricing: _Pricing) -> None:
    charge = _of_usage(pricing.charge)
    quantities = _task_quantities(prices, pricing)
    if _each_unit_alone(charge):
        for (task, _), quantity in quantities.items():
            prices.add(task, rate(charge, UsageToRate(quantity=quantity)).amount)
    elif quantities:
        wholes, missing = _wholes(pricing)
        if missing:
            _unknown(prices, pricing.lines, f"{pricing.code}: {missing[0]} has no price")
        for (task, group), quantity in quantities.items():
            whole = wholes.get(group, ZERO)
            if whole and not missing:
                amount = rate(charge, UsageToRate(quantity=whole)).amount
                prices.add(task, _share(amount, quantity, whole))


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    product = EXACT.multiply(amount, part)
    try:
        return EXACT.divide(product, whole)
    except Inexact:
        return _SHARE.divide(product, whole)


def _task_quantities(prices: TaskPrices, pricing: _Pricing) -> Quantities:
    """The quantity of each task and group of the charge."""
    match pricing.meter.metric:
        case "cost":
            return _cost_quantities(prices, pricing)
        case "effective_tokens":
            return _effective_quantities(pricing)
    found = task_queries.task_quantities(
        pricing.tenant, pricing.lines, pricing.meter, pricing.period
    )
    return {(q.group[0][1], tuple(sorted(q.group[1:]))): q.quantity for q in found}


def _names(meter: Meter) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*meter.group_by, *(name for name, _ in meter.filters))))


def _matches(meter: Meter, values: dict[str, str]) -> bool:
    return all(values[name] in allowed for name, allowed in meter.filters)


def _key(meter: Meter, task: str, values: dict[str, str]) -> tuple[str, Group]:
    return task, tuple(sorted((name, values[name]) for name in meter.group_by))


def _cost_quantities(prices: TaskPrices, pricing: _Pricing) -> Quantities:
    meter, names = pricing.meter, _names(pricing.meter)
    units = all(name == "agent" or name.startswith(LABEL) for name in names)
    costs = grouped_costs(
        pricing.tenant, pricing.lines, pricing.period, pricing.book, names, units=units
    )
    found: Quantities = defaultdict(lambda: ZERO)
    for (task, *own), cost in costs.items():
        values = dict(zip(names, own, strict=True))
        if _matches(meter, values):
            for name in cost.unpriced:
                prices.unknown[task].add(f"{pricing.code}: {name} has no price")
            key = _key(meter, task, values)
            found[key] = EXACT.add(found[key], cost.total or ZERO)
    return found


def _effective_quantities(pricing: _Pricing) -> Quantities:
    meter, names = pricing.meter, _names(pricing.meter)
    found: Quantities = defaultdict(lambda: ZERO)
    for group, calls in task_queries.task_calls(
        pricing.tenant, pricing.lines, pricing.period, names
    ):
        if calls.outcome == USEFUL and _matches(meter, group):
            found[_key(meter, group["task"], group)] += calls.total_tokens - calls.repeated_tokens
    return found


def _wholes(pricing: _Pricing) -> tuple[dict[Group, Decimal], list[str]]:
    """The charge's quantity of each group over all of its period, of every task and of none."""
    tenant, meter, period = pricing.tenant, pricing.meter, pricing.plan.period
    if meter.metric == "cost":
        return cost_quantities(tenant, meter, period, pricing.book, _LATER_THAN_ANY_EVENT)
    found = queries.meter_quantities(tenant, meter, period)
    return {tuple(sorted(item.group)): item.quantity for item in found}, []
