"""What was used: every number that needs no price. Scoped to a tenant by construction."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.conf import settings

from metering.clickhouse import evidence_query
from metering.clickhouse.active_group_query import ActiveGroupQuery
from metering.clickhouse.active_query import ActiveQuery
from metering.clickhouse.agent_span_query import AgentSpan, AgentSpanQuery
from metering.clickhouse.barrier import store_now as _store_now
from metering.clickhouse.cache_query import CacheQuery, CacheUse
from metering.clickhouse.calls_query import CALL_DIMENSIONS, PricedCallsQuery, raw_calls
from metering.clickhouse.chip_query import chip_intervals as _chip_intervals
from metering.clickhouse.chip_query import chips_received as _chips_received
from metering.clickhouse.chip_query import chips_used
from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.daily_use_query import DailyUse, DailyUseQuery
from metering.clickhouse.event_sums_query import EventSumsQuery, OneEvent, SummedEvents
from metering.clickhouse.event_values_query import event_values
from metering.clickhouse.evidence_query import EventRow, Place
from metering.clickhouse.intake import IntakeHour
from metering.clickhouse.intake import hours as _intake_hours
from metering.clickhouse.label_query import label_keys as _label_keys
from metering.clickhouse.meter_query import MeterQuantity, MeterQuery
from metering.clickhouse.prompt_query import WorstPromptsQuery
from metering.clickhouse.quarantine_query import Entries, Quarantined
from metering.clickhouse.repeat_work_query import RepeatWork, RepeatWorkQuery
from metering.clickhouse.retention_query import RetentionQuery
from metering.clickhouse.rollup import rollup_calls_sql, settled_now
from metering.clickhouse.scope import Filters, Scope, has_superseded
from metering.clickhouse.unmetered_query import unmetered_calls
from metering.clickhouse.usage_query import (
    TASK_DIMENSIONS,
    TaskCountQuery,
    UsageQuery,
    UsageRow,
)
from metering.days_ahead import in_force
from metering.models import Tenant
from metering.spans import agree_received
from metering.usage.active import ActiveDay
from metering.usage.alert import HitRate
from metering.usage.burst_level import ChipInterval
from metering.usage.calls import PricedCalls
from metering.usage.meter import LABEL, Meter
from metering.usage.period import Period, local_days, windows
from metering.usage.retention import Cohort, monday, retention_table

__all__ = [
    "AgentSpan",
    "CacheUse",
    "DailyUse",
    "EventRow",
    "Filters",
    "IntakeHour",
    "MeterQuantity",
    "OneEvent",
    "Quarantined",
    "RepeatWork",
    "StoreUnavailable",
    "SummedEvents",
    "UsageRow",
    "agent_spans",
    "cache_use",
    "chip_intervals",
    "chips",
    "chips_received",
    "daa",
    "daa_by",
    "daily_use",
    "event_sums",
    "events_of",
    "evidence",
    "evidence_count",
    "evidence_values",
    "hit_rate",
    "intake",
    "label_keys",
    "meter_quantities",
    "meter_windows",
    "priced_calls",
    "quarantined",
    "repeat_work",
    "retention",
    "store_now",
    "unmetered_requests",
    "usage",
    "usage_types",
    "worst_prompts",
]

PricedGroups = list[tuple[dict[str, str], PricedCalls]]


def usage(
    tenant: Tenant, period: Period, group_by: tuple[str, ...] = (), filters: Filters = ()
) -> list[UsageRow]:
    """Requests, tokens, tools, chips and tasks by group; one row without `group_by`.

    Tasks count where their outcome falls, under the empty value of what only a call has. Only what
    has the value of every filter is counted.
    """
    scope = _scope(tenant, period)
    found = UsageQuery(scope=scope, group_by=group_by, filters=filters).rows()
    rows = {tuple(row.group.values()): row for row in found}
    for group, tasks, succeeded in _task_counts(scope, group_by, filters):
        row = rows.setdefault(group, UsageRow(group=dict(zip(group_by, group, strict=True))))
        row.tasks, row.succeeded_tasks = tasks, succeeded
    return [rows[group] for group in sorted(rows)]


def unmetered_requests(tenant: Tenant, period: Period) -> int:
    """Model calls that reported no usage, such as streams that were not asked for it."""
    return unmetered_calls(tenant.id, period)


def label_keys(tenant: Tenant, period: Period, limit: int = 50) -> list[str]:
    """The keys of labels in use, the most used first."""
    return _label_keys(_scope(tenant, period), limit)


def _task_counts(
    scope: Scope, group_by: tuple[str, ...], filters: Filters
) -> Iterator[tuple[tuple[str, ...], int, int]]:
    only = _filters_of(TASK_DIMENSIONS, filters)
    if only is None:
        return
    of_tasks = [name in TASK_DIMENSIONS or name.startswith(LABEL) for name in group_by]
    names = tuple(name for name, known in zip(group_by, of_tasks, strict=True) if known)
    counts = TaskCountQuery(scope=scope, group_by=names, filters=only)
    for *values, tasks, succeeded in counts.rows():
        if not tasks:  # a sum over no tasks is a row too
            continue
        found = iter(values)
        group = tuple(
            next(found) if known else ("agent.task" if name == "type" else "")
            for name, known in zip(group_by, of_tasks, strict=True)
        )
        yield group, tasks, succeeded


def daa(tenant: Tenant, period: Period) -> list[ActiveDay]:
    """Active and delivering agents, one row for each local day of the period, from the rollups."""
    days = local_days(period, tenant.timezone)
    found = ActiveQuery(
        tenant=tenant.id,
        timezone=tenant.timezone,
        start=days[0],
        end=days[-1] + timedelta(days=1),
        min_tasks=settings.DAA_MIN_TASKS,
    ).rows()
    # A zone that moves across the date line leaves a date out.
    return [day for day in found if day.date in days]


def daa_by(tenant: Tenant, period: Period, name: str) -> list[tuple[str, ActiveDay]]:
    """Agents under each value of `name` (DAA_DIMENSIONS or a label), by local day and value.

    A value is a fleet of its own, whose numbers are those that its events alone would give; days
    without any are left out. From the events.
    """
    days = local_days(period, tenant.timezone)
    found = ActiveGroupQuery(
        scope=_scope(tenant, period),
        name=name,
        start=days[0],
        end=days[-1] + timedelta(days=1),
        min_tasks=settings.DAA_MIN_TASKS,
    ).rows()
    return [(value, day) for value, day in found if day.date in days]


def agent_spans(tenant: Tenant, start: date, end: date) -> AgentSpanQuery:
    """When the tenant's agents were active, as of its days from `start` to before `end`."""
    return AgentSpanQuery(tenant=tenant.id, start=start, end=end)


def retention(tenant: Tenant, period: Period) -> list[Cohort]:
    """The cohorts of the weeks that the period has a part of, up to its end, from the rollups."""
    days = local_days(period, tenant.timezone)
    end = days[-1] + timedelta(days=1)
    counts = RetentionQuery(
        tenant=tenant.id, start=monday(days[0]), end=end, min_tasks=settings.DAA_MIN_TASKS
    ).counts()
    return retention_table(counts, end)


def priced_calls(
    tenant: Tenant,
    period: Period,
    group_by: tuple[str, ...] = (),
    thresholds: Sequence[int] = (),
    received_before: datetime | None = None,
    filters: Filters = (),
) -> PricedGroups:
    """Model calls summed by group, price and outcome.

    From the rollups; with `received_before` straight from the events received before it. Calls of
    a long period may come in several sums of one group.
    """
    only = _filters_of(CALL_DIMENSIONS, filters)
    if only is None:
        return []
    if received_before is None:
        sources = iter([rollup_calls_sql(tenant.id, tenant.timezone, period)])
    else:
        sources = raw_calls(_scope(tenant, period, received_before), _reuse_window())
    return [
        row
        for calls, wasted, bound in sources
        for row in PricedCallsQuery(
            calls=calls,
            wasted=wasted,
            bound=bound,
            group_by=group_by,
            thresholds=tuple(thresholds),
            filters=only,
        ).rows()
    ]


def worst_prompts(
    tenant: Tenant, period: Period, limit: int, thresholds: Sequence[int] = ()
) -> PricedGroups:
    """Calls of the prompts that were computed again the most, by prompt, agent and model."""
    calls, wasted, bound = rollup_calls_sql(tenant.id, tenant.timezone, period)
    return WorstPromptsQuery(
        calls=calls, wasted=wasted, bound=bound, limit=limit, thresholds=tuple(thresholds)
    ).rows()


def hit_rate(tenant: Tenant, period: Period) -> HitRate:
    """How much of the prompts of a period was read from a cache, straight from the events."""
    [row] = UsageQuery(scope=_typed(_scope(tenant, period), "agent.tokens")).rows()
    prompt = row.input_tokens + row.cache_read_tokens + row.cache_write_tokens
    return HitRate(row.requests, prompt, row.cache_read_tokens)


def repeat_work(tenant: Tenant, period: Period, group_by: tuple[str, ...] = ()) -> list[RepeatWork]:
    """Succeeded tasks, and those of them that had been done before, by group, from the rollups."""
    return RepeatWorkQuery(scope=_scope(tenant, period), group_by=group_by).rows()


def cache_use(tenant: Tenant, period: Period, group_by: tuple[str, ...] = ()) -> list[CacheUse]:
    """Look-ups in caches above the model by group, cache, model and local day."""
    return CacheQuery(scope=_scope(tenant, period), group_by=group_by).rows()


def daily_use(
    tenant: Tenant,
    period: Period,
    kind: str,
    group_by: tuple[str, ...] = (),
    received_before: datetime | None = None,
    filters: Filters = (),
) -> list[DailyUse]:
    """Chip-seconds (`kind` chip) or units (tool) by group, name and local day."""
    scope = _scope(tenant, period, received_before)
    return DailyUseQuery(scope=scope, kind=kind, group_by=group_by, filters=filters).rows()


def meter_quantities(
    tenant: Tenant,
    meter: Meter,
    period: Period,
    received_before: datetime | None = None,
    whole: Period | None = None,
) -> list[MeterQuantity]:
    """What each group used of a meter, straight from the events; nothing for unused groups.

    The mean of a level is over `whole`, of which the period may be a part.
    """
    if (ahead := in_force()) is not None:
        known = ahead.quantities(tenant, meter, period, received_before)
        if known is not None:
            return known
    return MeterQuery(
        meter=meter,
        scope=_scope(tenant, period, received_before),
        windows=meter_windows(tenant, meter, period),
        whole=whole,
        min_tasks=settings.DAA_MIN_TASKS,
        reuse_window=_reuse_window(),
    ).quantities()


def event_sums(
    tenant: Tenant,
    meter: Meter,
    period: Period,
    received_before: datetime | None,
    low: Fraction | None,
    high: Fraction | None,
) -> list[SummedEvents]:
    """Single events summed, beside them those below `low` and those above `high`."""
    return _event_sums(tenant, meter, period, received_before).sums(low, high)


def events_of(
    tenant: Tenant, meter: Meter, period: Period, received_before: datetime | None
) -> Iterator[OneEvent]:
    """Single events in constant memory: by group and window, and in them in order."""
    return _event_sums(tenant, meter, period, received_before).each()


def _event_sums(
    tenant: Tenant, meter: Meter, period: Period, received_before: datetime | None
) -> EventSumsQuery:
    scope = _scope(tenant, period, received_before)
    return EventSumsQuery(meter=meter, scope=scope, windows=meter_windows(tenant, meter, period))


def meter_windows(tenant: Tenant, meter: Meter, period: Period) -> tuple[Period, ...]:
    """What of a period the meter counts alone; empty for one that counts all of it at once."""
    return tuple(windows(period, tenant.timezone, meter.window)) if meter.window else ()


def store_now(tenant: Tenant | None = None) -> datetime:
    """A moment of the store's clock such that every event received before it can be seen.

    With a tenant it is fit for a watermark: what was received before it is settled for ever.
    """
    if tenant is None:
        return _store_now()
    now = settled_now(tenant.id)
    agree_received(tenant, now)
    return now


def chips(tenant: Tenant, period: Period, received_before: datetime | None = None) -> list[str]:
    """The chip types with an interval that reaches into the period."""
    if (ahead := in_force()) is not None:
        known = ahead.chips(tenant, period, received_before)
        if known is not None:
            return known
    return chips_used(_typed(_scope(tenant, None, received_before), "agent.chip"), period)


def chips_received(
    tenant: Tenant,
    chip: str,
    started_before: datetime,
    since: datetime,
    received_before: datetime | None = None,
) -> bool:
    """Whether an interval that begins before a moment was received from `since` on."""
    scope = _typed(_scope(tenant, None, received_before), "agent.chip")
    return _chips_received(scope, chip, started_before, since)


def chip_intervals(
    tenant: Tenant,
    chip: str,
    period: Period,
    stretch: timedelta,
    received_before: datetime | None = None,
) -> Iterator[ChipInterval]:
    """Intervals that reach into the period once stretched by up to `stretch`, by their start."""
    scope = _typed(_scope(tenant, None, received_before), "agent.chip")
    return _chip_intervals(scope, chip, period, stretch)


def usage_types(
    tenant: Tenant, period: Period, received_before: datetime | None = None
) -> list[tuple[str, int]]:
    """How many events of each type the tenant sent for the period."""
    if (ahead := in_force()) is not None:
        known = ahead.types(tenant, period, received_before)
        if known is not None:
            return known
    return evidence_query.type_counts(_scope(tenant, period, received_before))


def evidence(
    tenant: Tenant,
    meter: Meter,
    period: Period,
    group: Sequence[tuple[str, str]] = (),
    received_before: datetime | None = None,
    after: Place | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """The events behind a meter's quantity, by (time, source, id).

    Of a level also the event before the period whose value it began with.
    """
    scope = _typed(_scope(tenant, period, received_before), _evidence_type(meter))
    filters = [*meter.filters, *((name, (value,)) for name, value in group)]
    first = evidence_query.last_before(scope, filters) if meter.reaches_back else None
    return evidence_query.evidence(scope, filters, after, limit, first)


def evidence_count(
    tenant: Tenant,
    meter: Meter,
    period: Period,
    group: Sequence[tuple[str, str]] = (),
    received_before: datetime | None = None,
) -> int:
    """How many events `evidence` gives, all pages together."""
    scope = _typed(_scope(tenant, period, received_before), _evidence_type(meter))
    filters = [*meter.filters, *((name, (value,)) for name, value in group)]
    reached = meter.reaches_back and evidence_query.last_before(scope, filters) is not None
    return evidence_query.count(scope, filters) + int(reached)


def evidence_values(
    tenant: Tenant, value: str, rows: Sequence[EventRow], received_before: datetime | None = None
) -> list[Decimal]:
    """A value of each event of a page of `evidence`, such as its input_tokens."""
    if not rows:
        return []
    period = Period(rows[0].time, rows[-1].time + timedelta(microseconds=1))
    scope = _typed(_scope(tenant, period, received_before), rows[0].type)
    return event_values(scope, value, rows)


def _evidence_type(meter: Meter) -> str:
    if meter.metric in {"delivering_agent_days", "succeeded_tasks"}:
        return "agent.task"
    return "agent.tokens" if meter.metric in {"effective_tokens", "cost"} else meter.type


def quarantined(tenant: Tenant, limit: int, after: uuid.UUID | None = None) -> list[Quarantined]:
    """A page of what was refused and waits."""
    return Entries(tenant=tenant.id).page(limit, after)


def intake(tenant: Tenant, period: Period) -> list[IntakeHour]:
    """What was received in each hour of the store's clock that begins in the period."""
    return _intake_hours(tenant.id, period)


def _filters_of(known: Sequence[str], filters: Filters) -> Filters | None:
    """The filters by what these rows can have; None where they have another value of the rest.

    A call has no chip: it is left out by `chip = p800`, and stays with `chip = ""`.
    """
    own = tuple(one for one in filters if one[0] in known or one[0].startswith(LABEL))
    return None if any(value for name, value in filters if (name, value) not in own) else own


def _scope(tenant: Tenant, period: Period | None, received_before: datetime | None = None) -> Scope:
    """The one place where a tenant becomes the scope of a query."""
    return Scope(
        tenant=tenant.id,
        timezone=tenant.timezone,
        period=period,
        received_before=received_before,
        without_superseded=has_superseded(tenant.id),
    )


def _typed(scope: Scope, event_type: str) -> Scope:
    return scope if not event_type else replace(scope, types=(event_type,))


def _reuse_window() -> timedelta:
    return timedelta(seconds=settings.REUSE_WINDOW_SECONDS)
