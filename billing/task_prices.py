"""What a plan charges for a task, as far as a charge can be told apart by tasks.

Which part of a charge is a task's, and which is nobody's: docs/decisions/0017-task-ledger.md.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Context, Decimal, Inexact
from zoneinfo import ZoneInfo

from billing.plan_terms import ChargeTerms, PlanTerms
from billing.rating.charge import Charge, parse_charge
from billing.rating.charge_models.burst import Burst
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.per_unit import PerUnit
from billing.rating.charge_models.percentage import Percentage
from billing.rating.each_event import EachEvent, each_event
from billing.rating.errors import ChargeError
from billing.rating.money import EXACT, ZERO
from billing.rating.rate import rate, rate_sums
from billing.rating.units import UsageToRate
from billing.task_quantities import Group, TaskMeter, whole_quantities
from billing.terms import Terms, read_terms
from metering.models import Tenant
from metering.usage.ledger import TaskLine
from metering.usage.meter import Meter, parse_meter
from metering.usage.period import Period

_CHIPS = Meter(type="agent.chip", aggregation="count")
_ADDITIVE = ("sum", "count")
_AGENT_DAYS = ("delivering_agent_days", "active_agent_days")
# A share of a charge may never end; it is looked at, and never invoiced.
_SHARE = Context(prec=40)


@dataclass(slots=True)
class TaskPrices:
    """The price of each task, exact and unrounded, and why a price is not known.

    `nobody` names what the plan charges beside, which is no task's.
    """

    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    unknown: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    nobody: set[str] = field(default_factory=set)

    def add(self, task: str, amount: Decimal) -> None:
        self.amounts[task] = EXACT.add(self.amounts[task], amount)

    def unknown_of(self, lines: Sequence[TaskLine], reason: str) -> None:
        for line in lines:
            self.unknown[line.task].add(reason)


@dataclass(slots=True)
class TaskPricer:
    """Prices the tasks of one tenant by its plans as they are now.

    What it reads of a month it keeps, so of many tasks, as in an export, one is used for all.
    """

    tenant: Tenant
    _terms: dict[str, Terms] = field(default_factory=dict)
    _wholes: dict[tuple[str, Period], tuple[dict[Group, Decimal], list[str]]] = field(
        default_factory=dict
    )

    def prices(self, lines: Sequence[TaskLine], period: Period) -> TaskPrices:
        """What is charged for the tasks' usage in a period."""
        prices = TaskPrices()
        for month in _months(period, self.tenant.timezone) if lines else ():
            terms = self._terms.get(month) or read_terms(self.tenant, month)
            self._terms[month] = terms
            _name_gaps(prices, lines, period, terms)
            for plan in terms.plans:
                part = plan.period.intersect(period)
                own = [line for line in lines if part and _reaches(line, part)]
                if part and own and plan.currency == terms.currency:
                    self._add_plan(prices, own, part, plan, terms)
        return prices

    def _add_plan(
        self,
        prices: TaskPrices,
        lines: Sequence[TaskLine],
        part: Period,
        plan: PlanTerms,
        terms: Terms,
    ) -> None:
        prices.nobody.update(_not_usage(plan))
        for entry in plan.charges:
            own = plan.period_of(entry).intersect(part)
            try:
                if own is not None:
                    self._add_charge(prices, lines, own, plan, terms, entry)
            except ChargeError as error:
                prices.unknown_of(lines, f"{entry.code}: {error}")

    def _add_charge(
        self,
        prices: TaskPrices,
        lines: Sequence[TaskLine],
        part: Period,
        plan: PlanTerms,
        terms: Terms,
        entry: ChargeTerms,
    ) -> None:
        code, charge = entry.code, parse_charge(entry.charge)
        prices.nobody.update(f"{code}: {what}" for what in _fixed_parts(charge))
        meter = _CHIPS if isinstance(charge.model, Burst) else parse_meter(entry.meter)
        of_tasks = TaskMeter(
            tenant=self.tenant, meter=meter, lines=lines, period=part, book=terms.book
        )
        if meter.metric in _AGENT_DAYS:
            prices.nobody.add(f"{code}: is charged for an agent's day, whatever it did on it")
        elif any(code in allowance.charges for allowance in plan.allowances):
            for task in of_tasks.users():
                prices.unknown[task].add(f"{code}: free units are shared with all of the month")
        elif why := _not_divisible(charge, meter):
            for task in of_tasks.users():
                prices.unknown[task].add(f"{code}: {why}")
        elif each := each_event(charge):
            _add_each_event(prices, _of_usage(charge), each, of_tasks)
        elif _each_unit_alone(_of_usage(charge)):
            _add_exact(prices, code, _of_usage(charge), of_tasks)
        else:
            whole = plan.period_of(entry)
            self._add_shares(prices, code, _of_usage(charge), of_tasks, whole)

    def _add_shares(
        self,
        prices: TaskPrices,
        code: str,
        charge: Charge,
        of_tasks: TaskMeter,
        period: Period,
    ) -> None:
        """To each task its share of what the charge comes to with the quantity of all of them."""
        quantities = _known_quantities(prices, code, of_tasks)
        if not quantities:
            return
        if (code, period) not in self._wholes:
            self._wholes[code, period] = whole_quantities(
                self.tenant, of_tasks.meter, period, of_tasks.book
            )
        wholes, missing = self._wholes[code, period]
        for name in missing:
            prices.unknown_of(of_tasks.lines, f"{code}: {name} has no price in the cost book")
        for (task, group), quantity in quantities.items():
            if whole := wholes.get(group, ZERO):
                amount = rate(charge, UsageToRate(quantity=whole)).amount
                prices.add(task, _share(amount, quantity, whole))


def _add_exact(prices: TaskPrices, code: str, charge: Charge, of_tasks: TaskMeter) -> None:
    for (task, _), quantity in _known_quantities(prices, code, of_tasks).items():
        prices.add(task, rate(charge, UsageToRate(quantity=quantity)).amount)


def _add_each_event(
    prices: TaskPrices, charge: Charge, each: EachEvent, of_tasks: TaskMeter
) -> None:
    for task, groups in of_tasks.event_sums(each).items():
        for sums in groups:
            prices.add(task, rate_sums(charge, sums).amount)


def _known_quantities(
    prices: TaskPrices, code: str, of_tasks: TaskMeter
) -> dict[tuple[str, Group], Decimal]:
    quantities, unpriced = of_tasks.quantities()
    for task, names in unpriced.items():
        reasons = {f"{code}: {name} has no price in the cost book" for name in names}
        prices.unknown[task].update(reasons)
    return quantities


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    product = EXACT.multiply(amount, part)
    try:
        return EXACT.divide(product, whole)
    except Inexact:
        return _SHARE.divide(product, whole)


def _months(period: Period, zone: str) -> Iterator[str]:
    clock = ZoneInfo(zone)
    day = period.start.astimezone(clock).date().replace(day=1)
    last = (period.end - timedelta(microseconds=1)).astimezone(clock).date()
    while day <= last:
        yield f"{day:%Y-%m}"
        day = (day + timedelta(days=31)).replace(day=1)


def _reaches(line: TaskLine, part: Period) -> bool:
    return line.first_time < part.end and line.last_time >= part.start


def _name_gaps(prices: TaskPrices, lines: Sequence[TaskLine], period: Period, terms: Terms) -> None:
    """No plan, or one in another currency, gives no price, which is not a price of 0."""
    month = terms.period.intersect(period)
    start = terms.plans[0].start if terms.plans else terms.end
    if month and month.start < start:
        gap = Period(month.start, min(start, month.end))
        prices.unknown_of([line for line in lines if _reaches(line, gap)], "no plan was in force")
    for plan in terms.plans:
        if plan.currency != terms.currency:
            own = [line for line in lines if _reaches(line, plan.period)]
            prices.unknown_of(own, f"plan {plan.plan} is in {plan.currency}, not {terms.currency}")


def _not_divisible(charge: Charge, meter: Meter) -> str:
    """Why no part of the charge is any one task's; empty where it can be told apart."""
    if isinstance(charge.model, Burst):
        return "depends on all chips that are in use at once"
    if not meter.metric and meter.aggregation not in _ADDITIVE:
        return f"the {meter.aggregation} of all events is not a sum over tasks"
    alone, each = _each_unit_alone(_of_usage(charge)), each_event(charge)
    if each and not (alone and each.by_sums):
        return "prices each event, and all of them together beside"
    if meter.window and not alone:
        return f"each {meter.window} is rated alone, whatever tasks it had"
    return ""


def _not_usage(plan: PlanTerms) -> Iterator[str]:
    for fee in plan.fees:
        yield f"{fee.code}: a fee is owed by the {fee.interval}"
    if plan.minimum_commitment is not None:
        yield "minimum-commitment: the true-up is owed by the month"


def _fixed_parts(charge: Charge) -> Iterator[str]:
    if charge.minimum is not None:
        yield "the minimum is owed by the month"
    if charge.commitment is not None and charge.commitment.true_up:
        yield "the true-up is owed by the month"
    if any(tier.flat_amount for tier in getattr(charge.model, "tiers", ())):
        yield "flat amounts are owed by the month"


def _of_usage(charge: Charge) -> Charge:
    """The charge without what is owed by the month, whatever was used."""
    commitment, model = charge.commitment, charge.model
    tiers = getattr(model, "tiers", None)
    if tiers is not None:
        model = replace(model, tiers=tuple(replace(tier, flat_amount=ZERO) for tier in tiers))
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
