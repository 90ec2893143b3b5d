"""Tasks, and what theirs came to: every number of the ledger that needs no price.

The lines are kept by the rollup, so they are as new as that.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from django.conf import settings

from metering.clickhouse import ledger_query, task_query
from metering.clickhouse.event_sums_query import EventSumsQuery, SummedEvents
from metering.clickhouse.ledger_query import LedgerFilter, LedgerQuery
from metering.clickhouse.meter_query import MeterQuantity, MeterQuery
from metering.clickhouse.scope import Scope
from metering.clickhouse.task_query import TaskEvent
from metering.models import Tenant
from metering.queries import DailyUse, PricedGroups, _scope
from metering.usage.ledger import TaskLine, subtree
from metering.usage.meter import Meter
from metering.usage.period import Period

__all__ = [
    "LedgerFilter",
    "TaskEvent",
    "Trees",
    "all_lines",
    "find_task",
    "ledger",
    "lines_within",
    "span_of",
    "task_calls",
    "task_event_sums",
    "task_events",
    "task_quantities",
    "task_units",
    "trees",
]

Place = tuple[datetime, str]
_LAST_MOMENT = timedelta(microseconds=1)
# More sub-tasks than this below the tasks of one answer are not added up.
MOST_SUBTASKS = 20_000
_EVERY_LINE = LedgerFilter()


def ledger(
    tenant: Tenant,
    period: Period,
    matching: LedgerFilter = _EVERY_LINE,
    after: Place | None = None,
    limit: int = 100,
) -> list[TaskLine]:
    """Lines of tasks whose outcome, or last event while open, is in the period; newest first."""
    query = LedgerQuery(tenant=tenant.id, period=period, matching=matching, after=after)
    return query.page(limit)


def find_task(tenant: Tenant, task: str) -> TaskLine | None:
    """The task's line, None where the tenant has no event of it."""
    return ledger_query.task_lines(tenant.id, [task]).get(task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The sub-tasks of some tasks: who is whose, and the lines of all but the roots.

    `cut` says that there are more than MOST_SUBTASKS; then what is here is not all of them.
    """

    children: dict[str, list[str]]
    lines: dict[str, TaskLine]
    cut: bool = False

    def below(self, root: str) -> list[TaskLine]:
        """The lines of the tasks below a root, a parent before its children."""
        return [self.lines[task] for task in subtree(root, self.children) if task in self.lines]


def trees(tenant: Tenant, roots: Sequence[TaskLine], most: int = MOST_SUBTASKS) -> Trees:
    """The trees of sub-tasks below some tasks, level by level; a circle ends where it closes."""
    known = {line.task for line in roots}
    children: dict[str, list[str]] = defaultdict(list)
    level, cut = sorted(known), False
    while level and not cut:
        found = ledger_query.children_of(tenant.id, level)
        for parent, task in found:
            children[parent].append(task)
        level = sorted({task for _, task in found} - known)
        cut = len(known) + len(level) > most + len(roots)
        known.update(level)
    if cut:
        return Trees(children=dict(children), lines={}, cut=True)
    own = {line.task: line for line in roots}
    lines = ledger_query.task_lines(tenant.id, sorted(known - own.keys()))
    return Trees(children=dict(children), lines=lines | own)


def task_events(
    tenant: Tenant, line: TaskLine, after: task_query.Place | None = None, limit: int = 100
) -> list[TaskEvent]:
    """A page of the task's events, by (time, source, id)."""
    return task_query.task_events(_scope(tenant, None), line, after, limit)


def span_of(lines: Sequence[TaskLine]) -> Period:
    """From the first event of the tasks to the last."""
    first = min(line.first_time for line in lines)
    return Period(first, max(line.last_time for line in lines) + _LAST_MOMENT)


def task_calls(
    tenant: Tenant,
    lines: Sequence[TaskLine],
    period: Period,
    names: tuple[str, ...] = (),
    thresholds: Sequence[int] = (),
) -> PricedGroups:
    """The tasks' model calls in a period, by task and `names`, from the rollups."""
    scope = _scope(tenant, period)
    return list(task_query.task_calls(scope, lines, names, tuple(thresholds)))


def task_units(
    tenant: Tenant,
    lines: Sequence[TaskLine],
    period: Period,
    kind: str,
    names: tuple[str, ...] = (),
) -> list[DailyUse]:
    """The tasks' chip-seconds (`kind` chip) or units (tool) in a period, by task and `names`."""
    return list(task_query.task_units(_scope(tenant, period), lines, kind, names))


def task_quantities(
    tenant: Tenant, lines: Sequence[TaskLine], meter: Meter, period: Period
) -> Iterator[MeterQuantity]:
    """What each task used of a meter; the group begins with the task."""
    for some in ledger_query.in_batches(lines, ledger_query.TASKS_A_QUERY):
        yield from MeterQuery(
            meter=replace(meter, group_by=("task", *meter.group_by)),
            scope=task_query.within(_scope(tenant, period), some),
            min_tasks=settings.DAA_MIN_TASKS,
        ).quantities()


def task_event_sums(
    tenant: Tenant,
    lines: Sequence[TaskLine],
    meter: Meter,
    period: Period,
    bounds: tuple[Fraction | None, Fraction | None],
) -> Iterator[SummedEvents]:
    """Each task's single events, summed; the group begins with the task."""
    for some in ledger_query.in_batches(lines, ledger_query.TASKS_A_QUERY):
        yield from EventSumsQuery(
            meter=replace(meter, group_by=("task", *meter.group_by)),
            scope=task_query.within(_scope(tenant, period), some),
        ).sums(*bounds)


def all_lines(tenant: Tenant, period: Period, batch: int) -> Iterator[list[TaskLine]]:
    """Every task with an event in the period, in a fixed order, so many at a time.

    Of a task that reaches out of the period, the line has what its events in the period say, and
    the outcome it has now.
    """
    scope = _scope(tenant, period)
    for lines in ledger_query.all_lines(tenant.id, period, batch):
        whole = {line.task: line for line in lines if _within(line, period)}
        reaching = [line for line in lines if line.task not in whole]
        cut = lines_within(scope, reaching) if reaching else {}
        found = whole | cut
        yield [found[line.task] for line in lines if line.task in found]


def lines_within(scope: Scope, lines: Sequence[TaskLine]) -> dict[str, TaskLine]:
    """The lines with the use of the scope's period alone, without those that had none."""
    found = ledger_query.lines_within(task_query.within(scope, lines))
    return {
        line.task: replace(line, use=found[line.task].use, models=found[line.task].models)
        for line in lines
        if line.task in found
    }


def _within(line: TaskLine, period: Period) -> bool:
    return line.first_time in period and line.last_time in period
