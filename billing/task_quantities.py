"""How much of a charge's quantity is each task's, and how much of it there is in all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from billing.cost_meter import cost_quantities
from billing.costs import CostBook
from billing.rating.each_event import EachEvent
from billing.rating.money import EXACT, ZERO
from billing.rating.units import EventSums
from billing.task_costs import grouped_costs
from metering import queries, task_queries
from metering.models import Tenant
from metering.usage.calls import USEFUL
from metering.usage.ledger import TaskLine
from metering.usage.meter import LABEL, Meter
from metering.usage.period import Period

Group = tuple[tuple[str, str], ...]
_LATER_THAN_ANY_EVENT = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMeter:
    """A charge's meter over some tasks in a period; `book` is of use to a cost-plus charge."""

    tenant: Tenant
    meter: Meter
    lines: Sequence[TaskLine]
    period: Period
    book: CostBook

    def quantities(self) -> tuple[dict[tuple[str, Group], Decimal], dict[str, set[str]]]:
        """The quantity of each task and group; and, by task, what it used that has no price."""
        match self.meter.metric:
            case "cost":
                return self._costs()
            case "effective_tokens":
                return self._effective(), {}
        found = task_queries.task_quantities(self.tenant, self.lines, self.meter, self.period)
        return {(q.group[0][1], tuple(sorted(q.group[1:]))): q.quantity for q in found}, {}

    def event_sums(self, each: EachEvent) -> dict[str, list[EventSums]]:
        """Of each task the sums of its single events, a group after the other."""
        found: dict[str, list[EventSums]] = defaultdict(list)
        bounds = (each.low, each.high)
        of_tasks = task_queries.task_event_sums(
            self.tenant, self.lines, self.meter, self.period, bounds
        )
        for some in of_tasks:
            found[some.group[0][1]].append(EventSums(*some[2:], each.scale))
        return found

    def users(self) -> set[str]:
        """The tasks with an event that the meter counts."""
        counting = Meter(type=self.meter.type, aggregation="count", filters=self.meter.filters)
        found = task_queries.task_quantities(self.tenant, self.lines, counting, self.period)
        return {quantity.group[0][1] for quantity in found}

    def _costs(self) -> tuple[dict[tuple[str, Group], Decimal], dict[str, set[str]]]:
        names = self._names
        units = all(name == "agent" or name.startswith(LABEL) for name in names)
        costs = grouped_costs(self.tenant, self.lines, self.period, self.book, names, units=units)
        found: dict[tuple[str, Group], Decimal] = defaultdict(lambda: ZERO)
        unpriced: dict[str, set[str]] = defaultdict(set)
        for (task, *own), cost in costs.items():
            values = dict(zip(names, own, strict=True))
            if self._matches(values):
                unpriced[task].update(cost.unpriced)
                key = self._key(task, values)
                found[key] = EXACT.add(found[key], cost.total or ZERO)
        return found, unpriced

    def _effective(self) -> dict[tuple[str, Group], Decimal]:
        found: dict[tuple[str, Group], Decimal] = defaultdict(lambda: ZERO)
        calls = task_queries.task_calls(self.tenant, self.lines, self.period, self._names)
        for values, some in calls:
            if some.outcome == USEFUL and self._matches(values):
                key = self._key(values["task"], values)
                effective = Decimal(some.total_tokens - some.repeated_tokens)
                found[key] = EXACT.add(found[key], effective)
        return found

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys((*self.meter.group_by, *(name for name, _ in self.meter.filters)))
        )

    def _matches(self, values: dict[str, str]) -> bool:
        return all(values[name] in allowed for name, allowed in self.meter.filters)

    def _key(self, task: str, values: dict[str, str]) -> tuple[str, Group]:
        return task, tuple(sorted((name, values[name]) for name in self.meter.group_by))


def whole_quantities(
    tenant: Tenant, meter: Meter, period: Period, book: CostBook
) -> tuple[dict[Group, Decimal], list[str]]:
    """The quantity of each group in a period, of every task and of none; and what has no price."""
    if meter.metric == "cost":
        return cost_quantities(tenant, meter, period, book, _LATER_THAN_ANY_EVENT)
    found = queries.meter_quantities(tenant, meter, period)
    return {tuple(sorted(item.group)): item.quantity for item in found}, []
