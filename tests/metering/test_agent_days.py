"""Days of agents: derived twice, at once, killed or anew, they say what the events say."""

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from metering import queries
from metering.clickhouse import commit, connection, day_rollup
from metering.clickhouse.generations import CURRENT_DAYS
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.active import ActiveDay
from metering.usage.period import local_days, range_period
from tests.conftest import Events, encode
from tests.metering import oracle
from tests.metering.test_active_numbers import random_fleet
from tests.metering.test_identity import Writer, at_once

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
START = datetime(2026, 8, 1, tzinfo=UTC)
WHOLE = range_period(date(2026, 7, 30), date(2026, 11, 1), "UTC")


class Killed(BaseException):
    """The process ends here."""


def agent_days(tenant: Tenant) -> list[Any]:
    """The derived rows that are valid, first days and estimates, whatever their generation."""
    sql = (
        "SELECT day, agent, succeeded, delivered_sub_task, sub_agent FROM rollup_agent_days"
        f" WHERE {CURRENT_DAYS} ORDER BY day, agent",
        "SELECT agent, argMax(first_day, generation) AS first FROM rollup_agent_firsts"
        " WHERE tenant = %(tenant)s AND timezone = %(timezone)s GROUP BY agent"
        " HAVING first < toDate(65535) ORDER BY agent",
        "SELECT day, uniqCombined64Merge(17)(active), uniqCombined64Merge(17)(delivering)"
        " FROM rollup_days FINAL WHERE tenant = %(tenant)s GROUP BY day ORDER BY day",
    )
    bound = {"tenant": tenant.pk, "timezone": tenant.timezone}
    return [connection.select(query, bound) for query in sql]


def short_fleet(event: Events, seed: int) -> list[dict[str, Any]]:
    """What a random fleet did in its first ten days; a run then has few steps."""
    end = (START + timedelta(days=10)).isoformat()
    return [e for e in random_fleet(event, seed, START) if e["time"] < end]


def counts(tenant: Tenant, *days: date) -> list[tuple[int, int, int]]:
    """active, new and returning of days."""
    found = {day.date: day for day in queries.daa(tenant, WHOLE)}
    return [(found[day].active, found[day].new, found[day].returning) for day in days]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", range(4), ids=["task hours", "agent days", "firsts", "publish"])
def test_a_kill_between_any_two_steps_is_made_good_by_the_next_run(
    step: int,
    when: str,
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Send,
    roll: Roll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, tenant = make_tenant(), make_tenant()
    events = short_fleet(event, 3)
    send(whole, events)
    roll(whole)
    send(tenant, events[::2])
    roll(tenant)
    send(tenant, events[1::2])
    done: list[str] = []

    def killed(sql: str, *args: Any, **settings: Any) -> None:
        done.append(sql)
        if len(done) == step + 1 and when == "before":
            raise Killed
        connection.command(sql, *args, **settings)
        if len(done) == step + 1:
            raise Killed

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(day_rollup, "_WIDEST_STEP", 1000)
        patch.setattr(day_rollup, "command", killed)
        roll(tenant)
    assert len(done) == step + 1
    assert all(d.active == d.new + d.returning + d.resurrected for d in queries.daa(tenant, WHOLE))
    roll(tenant)
    assert queries.daa(tenant, WHOLE) == queries.daa(whole, WHOLE)


def test_in_parts_at_once_and_rebuilt_the_rows_are_the_same(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    tenant = make_tenant(timezone="Pacific/Kiritimati")
    events = short_fleet(event, 4)
    for n in range(3):
        send(tenant, events[n::3])
        at_once([lambda: roll_up([tenant])] * 2)
    found = agent_days(tenant)
    assert all(found)
    assert roll(tenant) == 0
    call_command("rollup", tenant=tenant.slug, rebuild=True)
    assert agent_days(tenant) == found
    # As an installation that was there before days were: nothing of them is left.
    for table in ("rollup_days", "rollup_agent_days", "rollup_agent_firsts", "rollup_task_hours"):
        connection.command(f"DELETE FROM {table} WHERE tenant = {tenant.pk}")
    assert roll(tenant) > 0
    assert agent_days(tenant) == found


def test_days_of_a_step_each_and_of_one_step_are_the_same(
    tenant: Tenant, event: Events, send: Send, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tenant, short_fleet(event, 5))
    roll(tenant)
    found = agent_days(tenant)
    monkeypatch.setattr(day_rollup, "_MOST_EVENTS_A_STEP", 0)
    call_command("rollup", tenant=tenant.slug, rebuild=True)
    assert agent_days(tenant) == found


def test_a_late_event_takes_the_first_day_back(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    third, ninth = date(2026, 10, 3), date(2026, 10, 9)
    send(tenant, [event.tokens("2026-10-09T10:00:00Z")])
    roll(tenant)
    assert counts(tenant, third, ninth) == [(0, 0, 0), (1, 1, 0)]
    send(tenant, [event.tokens("2026-10-03T10:00:00Z")])
    roll(tenant)
    assert counts(tenant, third, ninth) == [(1, 1, 0), (1, 0, 1)]


def test_an_event_that_loses_gives_the_first_day_to_a_later_one(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """A writer was killed after it had inserted what another had, under another time."""
    third, ninth, tenth = (date(2026, 10, day) for day in (3, 9, 10))
    loser = Writer(tenant, [event.tokens("2026-10-03T10:00:00Z", id="twice")])
    loser.insert()
    send(tenant, [event.tokens(f"2026-10-{day}T10:00:00Z") for day in ("09", "10")])
    roll(tenant)
    assert counts(tenant, third, ninth, tenth) == [(1, 1, 0), (1, 0, 1), (1, 0, 1)]
    commit.supersede(tenant.pk, loser.rows())
    roll(tenant)
    assert counts(tenant, third, ninth, tenth) == [(0, 0, 0), (1, 1, 0), (1, 0, 1)]
    # ... and an agent that has no day left is new when it comes again.
    gone = Writer(tenant, [event.tokens("2026-10-03T10:00:00Z", agent="eve", id="gone")])
    gone.insert()
    roll(tenant)
    commit.supersede(tenant.pk, gone.rows())
    roll(tenant)
    send(tenant, [event.tokens("2026-10-10T10:00:00Z", agent="eve")])
    roll(tenant)
    assert counts(tenant, third, tenth) == [(0, 0, 0), (2, 1, 1)]


def test_a_tenant_that_moves_there_and_back_has_the_days_of_its_zone(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    events = short_fleet(event, 6)
    send(tenant, events)
    for n, zone in enumerate(("UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Apia", "UTC")):
        tenant.timezone = zone
        tenant.save()
        # Something comes late in every zone.
        more = [event.task(START - timedelta(days=n), f"late-{n}", agent=f"agent-{n}")]
        send(tenant, more)
        events += more
        roll(tenant)
        period = range_period(date(2026, 7, 20), date(2026, 9, 20), zone)
        days = local_days(period, zone)
        assert queries.daa(tenant, period) == oracle.daa(events, days, zone, 1)


# zone, moment in UTC, the date it is of
DATES = [
    # 14 hours ahead: 10:00 is midnight
    ("Pacific/Kiritimati", "2026-10-05T09:59:59.999999Z", date(2026, 10, 5)),
    ("Pacific/Kiritimati", "2026-10-05T10:00:00Z", date(2026, 10, 6)),
    # 12 hours behind: noon is midnight
    ("Etc/GMT+12", "2026-10-05T11:59:59.999999Z", date(2026, 10, 4)),
    ("Etc/GMT+12", "2026-10-05T12:00:00Z", date(2026, 10, 5)),
    # 23 hours: from 23:00 (UTC+1) to 22:00 (UTC+2)
    ("Europe/Berlin", "2026-03-28T22:59:59Z", date(2026, 3, 28)),
    ("Europe/Berlin", "2026-03-28T23:00:00Z", date(2026, 3, 29)),
    ("Europe/Berlin", "2026-03-29T21:59:59Z", date(2026, 3, 29)),
    ("Europe/Berlin", "2026-03-29T22:00:00Z", date(2026, 3, 30)),
    # 25 hours: from 22:00 (UTC+2) to 23:00 (UTC+1); 02:30 comes twice, both of this date
    ("Europe/Berlin", "2026-10-24T21:59:59Z", date(2026, 10, 24)),
    ("Europe/Berlin", "2026-10-24T22:00:00Z", date(2026, 10, 25)),
    ("Europe/Berlin", "2026-10-25T00:30:00Z", date(2026, 10, 25)),
    ("Europe/Berlin", "2026-10-25T01:30:00Z", date(2026, 10, 25)),
    ("Europe/Berlin", "2026-10-25T22:59:59Z", date(2026, 10, 25)),
    ("Europe/Berlin", "2026-10-25T23:00:00Z", date(2026, 10, 26)),
    # UTC+10:30, in summer UTC+11: days of half an hour more or less
    ("Australia/Lord_Howe", "2026-04-04T13:00:00Z", date(2026, 4, 5)),
    ("Australia/Lord_Howe", "2026-04-05T13:29:59Z", date(2026, 4, 5)),
    ("Australia/Lord_Howe", "2026-04-05T13:30:00Z", date(2026, 4, 6)),
]


@pytest.mark.parametrize("zone", sorted({zone for zone, _, _ in DATES}))
def test_a_day_is_the_tenants_date(
    zone: str, make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    tenant = make_tenant(timezone=zone)
    here = [(moment, day) for known, moment, day in DATES if known == zone]
    send(tenant, [event.task(at, at, agent=at) for at, _ in here])
    roll(tenant)
    period = range_period(here[0][1], here[-1][1] + timedelta(days=1), zone)
    dates = [day for _, day in here]
    expected = {day: dates.count(day) for day in dates}
    for row in queries.daa(tenant, period):
        count = expected.get(row.date, 0)
        assert (row.active, row.delivering, row.new, row.succeeded_tasks) == (count,) * 4


KINDS = st.sampled_from(["tokens", "succeeded", "failed", "succeeded", "cancelled"])
WORK = st.tuples(
    KINDS,
    st.sampled_from([*range(5 * 24), 28 * 24, 29 * 24]),  # hours
    st.integers(0, 3),  # agent
    st.integers(0, 5),  # task
    st.sampled_from(["", "root"]),
)
# Which part an event comes in, whether it comes again, and in which order.
ARRIVAL = st.tuples(st.integers(0, 2), st.booleans(), st.randoms(use_true_random=False))


def built(event: Events, work: tuple[str, int, int, int, str]) -> dict[str, Any]:
    kind, hours, agent, task, parent = work
    at, names = START + timedelta(hours=hours), {"agent": f"a{agent}", "task": f"t{task}"}
    if kind == "tokens":
        return event.tokens(at, **names)
    return event.task(at, names["task"], kind, names["agent"], parent_task=parent)


@hypothesis_settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(WORK, ARRIVAL), min_size=5, max_size=40))
def test_order_duplication_and_splitting_change_nothing_and_the_laws_hold(
    make_tenant: Callable[..., Tenant], found: list[tuple[Any, Any]]
) -> None:
    tenant, build = make_tenant(timezone="Asia/Kolkata"), Events()
    events = [built(build, work) for work, _ in found]
    arrivals = [arrival for _, arrival in found]
    for part in range(3):
        batch = [
            e
            for e, (own, again, _) in zip(events, arrivals, strict=True)
            if own <= part and (again or own == part)
        ]
        arrivals[0][2].shuffle(batch)
        ingest(tenant, encode(batch))
        roll_up([tenant])
    period = range_period(date(2026, 8, 1), date(2026, 10, 15), tenant.timezone)
    days = queries.daa(tenant, period)
    assert days == oracle.daa(events, local_days(period, tenant.timezone), tenant.timezone, 1)
    assert_laws(days)


def assert_laws(days: list[ActiveDay]) -> None:
    for before, day in zip([ActiveDay(date=date(2026, 7, 31)), *days], days, strict=False):
        assert day.new + day.returning + day.resurrected == day.active
        assert day.delivering_sub_agents <= day.delivering <= day.active
        assert day.delivering_sub_agents <= day.active_sub_agents <= day.active
        assert day.delivering <= day.waa <= day.maa
        assert day.succeeded_tasks >= day.delivering
        # Who is dormant was active before, and not everybody who was.
        assert day.dormant <= before.active + before.dormant
        assert day.stickiness is None or 0 <= day.stickiness <= 1
