"""A month's usage with all that its cost is made of, group after group, in constant memory."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from metering.clickhouse.daily_use_query import DailyUse
from metering.clickhouse.usage_query import UsageRow
from metering.clickhouse.usage_stream import Group, UsageStream
from metering.models import Tenant
from metering.queries import _scope
from metering.usage.calls import PricedCalls
from metering.usage.period import Period

# Days, agents and models: what a task has of these, and what only its calls have.
GROUP = ("day", "agent", "provider", "model")
_OF_TASKS = ("day", "agent")
_NOT_OF_TASKS = ("",) * (len(GROUP) - len(_OF_TASKS))


@dataclass(slots=True)
class GroupUsage:
    """One group's usage, its calls as far as they share a price, and its chips and tools."""

    row: UsageRow
    calls: list[PricedCalls] = field(default_factory=list)
    units: list[tuple[str, DailyUse]] = field(default_factory=list)


def usage_by_group(
    tenant: Tenant, period: Period, thresholds: tuple[int, ...]
) -> Iterator[GroupUsage]:
    """Usage by GROUP, in its order, as `queries.usage` has it."""
    streams = UsageStream(scope=_scope(tenant, period), group_by=GROUP)
    merged = heapq.merge(
        ((group, "row", row) for group, row in streams.usage()),
        ((group, "calls", calls) for group, calls in streams.calls(thresholds)),
        *(_units(streams, kind) for kind in ("chip", "tool")),
        (
            ((*group, *_NOT_OF_TASKS), "tasks", (tasks, succeeded))
            for group, tasks, succeeded in streams.tasks(_OF_TASKS)
        ),
        key=itemgetter(0),
    )
    for group, parts in groupby(merged, key=itemgetter(0)):
        found = GroupUsage(UsageRow(group=dict(zip(GROUP, group, strict=True))))
        for _, kind, part in parts:
            _add(found, kind, part)
        yield found


def _units(streams: UsageStream, kind: str) -> Iterator[tuple[Group, str, DailyUse]]:
    return ((group, kind, use) for group, use in streams.units(kind))


def _add(found: GroupUsage, kind: str, part: object) -> None:
    """The usage of a group comes before the rest of it: its stream stands first."""
    match part:
        case UsageRow():
            found.row = part
        case PricedCalls():
            found.calls.append(part)
        case DailyUse():
            found.units.append((kind, part))
        case (int(tasks), int(succeeded)):
            found.row.tasks, found.row.succeeded_tasks = tasks, succeeded
