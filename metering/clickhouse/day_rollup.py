"""Derives a tenant's local days: which agents were active, what they delivered, who is new.

Days are derived from the hours, after those are published. Rows are written under the generation of
the run, then the agents' first days, and the days are named last; see schema/0017_rollup_days.sql.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from metering.clickhouse.connection import BOUNDED, command, select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.generations import CURRENT, CURRENT_DAYS
from metering.clickhouse.scope import Bound, Scope
from metering.usage.period import Period, day_period, local_days, range_period

HOUR = timedelta(hours=1)
# What one query may take; more than that is another one.
_WIDEST_STEP = 7
_MOST_EVENTS_A_STEP = 1_000_000

_AGENT = "reinterpretAsUInt128(sipHash128(toUInt64(%(tenant)s), agent))"
# The last date there is, of an agent that has no first day any more.
_NEVER = "toDate(65535)"
_FIRST, _LAST = "toDateTime(%(first)s, 'UTC')", "toDateTime(%(last)s, 'UTC')"

# Of a task all rows are read, also later ones, for the last one says on which day its outcome is.
_AGENT_DAYS = f"""
    INSERT INTO rollup_agent_days
        (tenant, day, generation, agent, succeeded, delivered_sub_task, sub_agent)
    SELECT %(tenant)s, day, %(generation)s, {_AGENT}, sum(done), max(done_for_parent), max(sub)
    FROM (
        SELECT day, agent, 0 AS done, 0 AS done_for_parent, 0 AS sub FROM rollup_agents
        WHERE {CURRENT} AND hour >= {_FIRST} AND hour <= {_LAST}
        UNION ALL
        SELECT toDate(time, %(timezone)s) AS day, agent, 0, 0, 1 FROM events
        WHERE {{events}} AND agent != '' AND parent_task != ''
        UNION ALL
        SELECT toDate(max((time, source, id)).1, %(timezone)s) AS day,
            argMax(agent, (time, source, id)) AS agent,
            argMax(status, (time, source, id)) = 'succeeded',
            argMax(parent_task, (time, source, id)) != '' AND
                argMax(status, (time, source, id)) = 'succeeded', 0
        FROM rollup_tasks WHERE {CURRENT} AND hour >= {_FIRST} AND {{later}} GROUP BY task
    )
    WHERE day IN %(days)s AND agent != ''
    GROUP BY day, agent
"""
_LATER = f"""
    (hour <= {_LAST} OR task IN (
        SELECT task FROM rollup_tasks WHERE {CURRENT} AND hour >= {_FIRST} AND hour <= {_LAST}
    ))
"""

# All that arrived or lost since is between the first and the last hour it touched.
_TOUCHED = (
    "tenant = %(tenant)s AND time >= fromUnixTimestamp64Micro(%(begin)s)"
    " AND time < fromUnixTimestamp64Micro(%(finish)s)"
)
_ARRIVED = (
    "received_at >= fromUnixTimestamp64Micro(%(since)s)"
    " AND received_at < fromUnixTimestamp64Micro(%(until)s)"
)
_TASK_HOURS = f"""
    INSERT INTO rollup_task_hours (tenant, task, hour)
    SELECT DISTINCT tenant, sipHash64(task), toStartOfHour(time) FROM events
    WHERE {_TOUCHED} AND type = 'agent.task' AND {_ARRIVED}
"""
_LOSERS = """
    SELECT identity, commit FROM superseded
    WHERE tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)
    UNION ALL SELECT identity, commit FROM amended
    WHERE tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)
"""
_HOURS_OF_TASKS = f"""
    SELECT DISTINCT hour FROM rollup_task_hours WHERE tenant = %(tenant)s AND task IN (
        SELECT sipHash64(task) FROM events WHERE {_TOUCHED} AND type = 'agent.task'
            AND ({_ARRIVED} OR (identity, commit) IN ({_LOSERS}))
    )
"""

# An agent that may be gone from a day: its first day is looked for among all of them.
_MAY_BE_GONE = f"""
    SELECT DISTINCT {_AGENT} AS agent FROM (
        SELECT agent FROM events WHERE {_TOUCHED} AND (identity, commit) IN ({_LOSERS})
    )
"""
# All days there are, and agents that none of them has any more.
_ALL_FIRSTS = f"""
    SELECT agent, min(day) AS first FROM (
        SELECT agent, {_NEVER} AS day FROM rollup_agent_firsts
        WHERE tenant = %(tenant)s AND timezone = %(timezone)s
        UNION ALL
        SELECT agent, day FROM rollup_agent_days
        WHERE tenant = %(tenant)s AND day IN %(days)s AND generation = %(generation)s
    )
    GROUP BY agent
"""
_SOUGHT = f"""
    SELECT agent, min(day) AS first FROM (
        SELECT agent, {_NEVER} AS day FROM ({_MAY_BE_GONE})
        UNION ALL
        SELECT agent, day FROM rollup_agent_days
        WHERE {CURRENT_DAYS} AND day NOT IN %(days)s AND agent IN ({_MAY_BE_GONE})
        UNION ALL
        SELECT agent, day FROM rollup_agent_days
        WHERE tenant = %(tenant)s AND day IN %(days)s AND generation = %(generation)s
            AND agent IN ({_MAY_BE_GONE})
    )
    GROUP BY agent
"""
_EARLIER = """
    SELECT agent, first FROM (
        SELECT agent, min(day) AS first FROM rollup_agent_days
        WHERE tenant = %(tenant)s AND day IN %(days)s AND generation = %(generation)s
            AND agent NOT IN ({sought})
        GROUP BY agent
    ) AS found
    LEFT JOIN (
        SELECT agent, argMax(first_day, generation) AS known, 1 AS is_known
        FROM rollup_agent_firsts
        WHERE tenant = %(tenant)s AND timezone = %(timezone)s AND agent IN (
            SELECT agent FROM rollup_agent_days
            WHERE tenant = %(tenant)s AND day IN %(days)s AND generation = %(generation)s
        )
        GROUP BY agent
    ) AS before USING (agent)
    WHERE NOT is_known OR first < known
"""
_FIRSTS = """
    INSERT INTO rollup_agent_firsts (tenant, timezone, agent, first_day, generation)
    SELECT %(tenant)s, %(timezone)s, agent, first, %(generation)s FROM ({firsts})
"""

_PUBLISH = """
    INSERT INTO rollup_days (tenant, day, generation, timezone, active, delivering)
    SELECT %(tenant)s, day, %(generation)s, %(timezone)s, uniqCombined64StateIf(17)(agent, here),
        uniqCombined64StateIf(17)(agent, here AND succeeded >= %(min_tasks)s)
    FROM (
        SELECT day, agent, succeeded, 1 AS here FROM rollup_agent_days
        WHERE tenant = %(tenant)s AND day IN %(days)s AND generation = %(generation)s
        UNION ALL
        SELECT arrayJoin(arrayMap(d -> toDate(d), %(dates)s)) AS day, toUInt128(0), 0, 0
    )
    GROUP BY day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRollup:
    """The days of a tenant that events received from `since` (µs) to `until` touched.

    `events` has how many there are by hour; with `since` 0 they are all there ever were.
    """

    tenant: int
    timezone: str
    since: int
    until: datetime
    events: dict[datetime, int]
    generation: int
    min_tasks: int
    without_superseded: bool

    def derive(self) -> None:
        """Write and publish them. Hours must have been published before."""
        if not self.events:
            return
        command(_TASK_HOURS, self._bound)
        days = sorted(self._days())
        for step in self._steps([day for day in days if _exists(day, self.timezone)]):
            self._derive(step)
        self.publish(days)

    def publish(self, days: Sequence[date]) -> None:
        """Make the rows of the days that were written under this generation the valid ones."""
        bound = self._bound | {"days": tuple(days)}
        self._find_firsts(bound)
        # Arrays of dates come as texts.
        dates = [day.isoformat() for day in days]
        command(_PUBLISH, bound | {"dates": dates, "min_tasks": self.min_tasks})

    @property
    def _bound(self) -> Bound:
        return {
            "tenant": self.tenant,
            "timezone": self.timezone,
            "since": self.since,
            "until": micros(self.until),
            "begin": micros(min(self.events)),
            "finish": micros(max(self.events) + HOUR),
            "generation": self.generation,
        }

    def _days(self) -> set[date]:
        """Those of the touched hours, those an outcome left, and those of another zone."""
        hours = set(self.events)
        if self.since:
            hours |= {hour.replace(tzinfo=UTC) for (hour,) in select(_HOURS_OF_TASKS, self._bound)}
        touched = {
            day for hour in hours for day in local_days(Period(hour, hour + HOUR), self.timezone)
        }
        sql = (
            "SELECT day FROM rollup_days WHERE tenant = %(tenant)s"
            " GROUP BY day HAVING argMax(timezone, generation) != %(timezone)s"
        )
        return touched | {day for (day,) in select(sql, self._bound)}

    def _steps(self, days: Sequence[date]) -> Iterator[list[date]]:
        """Days that are derived by one query."""
        held: dict[date, int] = {}
        for hour, events in self.events.items():
            for day in local_days(Period(hour, hour + HOUR), self.timezone):
                held[day] = held.get(day, 0) + events
        step: list[date] = []
        for day in days:
            too_wide = step and (day - step[0]).days >= _WIDEST_STEP
            if too_wide or sum(held.get(d, 0) for d in step) > _MOST_EVENTS_A_STEP:
                yield step
                step = []
            step.append(day)
        if step:
            yield step

    def _derive(self, days: list[date]) -> None:
        period = range_period(days[0], days[-1] + timedelta(days=1), self.timezone)
        scope = Scope(
            tenant=self.tenant,
            timezone=self.timezone,
            period=period,
            types=("agent.task",),
            received_before=self.until,
            without_superseded=self.without_superseded,
        )
        last = period.end - timedelta(microseconds=1)
        hours = {"first": _hour(period.start), "last": _hour(last)}
        later = _LATER if self._goes_on_after(hours["last"]) else f"hour <= {_LAST}"
        command(
            _AGENT_DAYS.format(events=scope.where, later=later),
            scope.params | self._bound | hours | {"days": tuple(days)},
            max_partitions_per_insert_block=0,
            **BOUNDED,
        )

    def _goes_on_after(self, hour: int) -> bool:
        sql = f"SELECT max(hour) > {_LAST} FROM rollup_generations WHERE tenant = %(tenant)s"
        return bool(select(sql, {"tenant": self.tenant, "last": hour})[0][0])

    def _find_firsts(self, bound: Bound) -> None:
        """An agent's first day, where it is new, has become earlier, or may be there no more."""
        if not self.since:
            firsts = _ALL_FIRSTS
        elif self.without_superseded:
            firsts = f"{_SOUGHT} UNION ALL {_EARLIER.format(sought=_MAY_BE_GONE)}"
        else:
            firsts = _EARLIER.format(sought="SELECT toUInt128(0) WHERE 0")
        command(_FIRSTS.format(firsts=firsts), bound, **BOUNDED)


def _hour(moment: datetime) -> int:
    """The hour of a moment, as seconds since the epoch."""
    return int(moment.replace(minute=0, second=0, microsecond=0).timestamp())


def _exists(day: date, timezone: str) -> bool:
    """Whether the zone has the date; one that moved across the date line left one out."""
    try:
        day_period(day, timezone)
    except ValueError:
        return False
    return True
