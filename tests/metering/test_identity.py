"""An identity counts once, and the first one received wins for ever, whoever races with whom."""

import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from metering import queries
from metering.clickhouse import commit, connection
from metering.clickhouse.event_columns import numbered
from metering.clickhouse.quarantine import conflicts
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.usage.event import Event, parse_event
from metering.usage.period import month_period
from tests.conftest import Events, encode

OCTOBER = month_period("2026-10", "UTC")
AT = "2026-10-05T12:00:00Z"
LATER = "2026-10-07T09:00:00Z"

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]


def numbers(tenant: Tenant) -> tuple[Any, ...]:
    return (
        queries.usage(tenant, OCTOBER, ("day", "model")),
        queries.priced_calls(tenant, OCTOBER, ("agent",)),
        queries.daa(tenant, OCTOBER),
    )


def requests_of(tenant: Tenant) -> int:
    return queries.usage(tenant, OCTOBER)[0].requests


def counts(report: Report) -> tuple[int, int, int]:
    return report.accepted, report.duplicates, report.conflicts


def test_the_same_id_twice_in_one_request_counts_once(
    tenant: Tenant, event: Events, send: Send
) -> None:
    one = event.tokens(AT, input_tokens=1)
    other = dict(one, data={"model": "m", "input_tokens": 2})
    assert counts(send(tenant, [one, one, other])) == (1, 2, 1)
    assert queries.usage(tenant, OCTOBER)[0].input_tokens == 1


def test_a_resend_of_other_content_is_a_conflict_recorded_once(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    first = [event.tokens(AT, input_tokens=n, id=f"{n}") for n in (1, 2, 3)]
    send(tenant, first)
    roll(tenant)
    before = numbers(tenant)
    moved = dict(first[0], time=LATER)
    larger = dict(first[1], data={"model": "m", "input_tokens": 200})
    elsewhere = dict(first[2], subject="bob")
    for _ in range(3):
        assert counts(send(tenant, [moved, larger, elsewhere])) == (0, 3, 3)
        assert counts(send(tenant, first)) == (0, 3, 0)
    roll(tenant)
    assert numbers(tenant) == before
    kept = conflicts(tenant.pk)
    assert [(item.source, item.id) for item in kept] == [
        ("test", "1"),
        ("test", "2"),
        ("test", "3"),
    ]
    assert [item.body for item in kept] == encode([moved, larger, elsewhere])


def test_another_source_or_tenant_is_another_event(
    make_tenant: Callable[..., Tenant], event: Events, send: Send
) -> None:
    one, other = make_tenant(), make_tenant()
    sent = event.tokens(AT)
    assert counts(send(one, [sent, dict(sent, source="elsewhere")])) == (2, 0, 0)
    assert counts(send(other, [sent])) == (1, 0, 0)
    assert (requests_of(one), requests_of(other)) == (2, 1)


def test_names_that_look_alike_once_joined_are_two_events(
    tenant: Tenant, event: Events, send: Send
) -> None:
    joined = [("a\0b", "c"), ("a", "b\0c"), ("a\0", "bc"), ("é", "e\u0301"), ("e\u0301", "é")]
    events = [event.tokens(AT, source=source, id=id_) for source, id_ in joined]
    assert counts(send(tenant, events)) == (5, 0, 0)
    assert counts(send(tenant, events)) == (0, 5, 0)
    assert requests_of(tenant) == 5


def test_an_event_without_time_is_the_same_when_sent_again(
    tenant: Tenant, event: Events, send: Send
) -> None:
    sent = event.tokens(AT)
    del sent["time"]
    assert counts(send(tenant, [sent])) == (1, 0, 0)
    assert counts(send(tenant, [sent])) == (0, 1, 0)
    assert counts(send(tenant, [dict(sent, time=AT)])) == (0, 1, 1)


@pytest.mark.parametrize("writers", [2, 4])
def test_writers_that_race_count_each_identity_once(
    writers: int, make_tenant: Callable[..., Tenant], event: Events, roll: Roll
) -> None:
    """Each writer says another time and another number; one of them wins each identity."""
    for _ in range(4):
        tenant = make_tenant()
        copies = [
            [
                event.tokens(f"2026-10-{5 + w:02}T12:00:00Z", id=f"{n}", input_tokens=10**w)
                for n in range(500)
            ]
            for w in range(writers)
        ]
        reports = at_once([commit_of(tenant, events) for events in copies])
        assert sum(len(report.accepted) for report in reports) == 500
        assert sum(len(report.duplicates) for report in reports) == 500 * (writers - 1)
        won = queries.usage(tenant, OCTOBER, ("day",))
        assert sum(row.requests for row in won) == 500
        accepted = {f"2026-10-{5 + w:02}": len(r.accepted) for w, r in enumerate(reports)}
        assert {row.group["day"]: row.requests for row in won} == {
            day: count for day, count in accepted.items() if count
        }
        roll(tenant)
        calls = queries.priced_calls(tenant, OCTOBER)
        assert sum(c.requests for _, c in calls) == 500
        assert sum(c.input_tokens for _, c in calls) == sum(r.input_tokens for r in won)


def test_requests_that_race_through_the_ingestion_path_add_up(
    tenant: Tenant, event: Events
) -> None:
    batches = [[event.tokens(AT, id=f"{n % 300}") for n in range(k, k + 200)] for k in range(8)]
    reports = at_once([lambda b=b: ingest(tenant, encode(b)) for b in batches])  # type: ignore[misc]
    assert sum(report.accepted for report in reports) == requests_of(tenant) == 207
    assert sum(report.duplicates for report in reports) == 8 * 200 - 207


def commit_of(tenant: Tenant, events: list[dict[str, Any]]) -> Callable[[], commit.Committed]:
    parsed = parse(events)
    return lambda: commit.commit_events(tenant.pk, numbered(parsed))


def parse(events: list[dict[str, Any]]) -> list[Event]:
    return [parse_event(raw, datetime.now(UTC)) for raw in encode(events)]


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """The results of jobs that begin together, each in a thread with a connection of its own."""
    results: list[Any] = [None] * len(jobs)
    start = threading.Barrier(len(jobs))

    def run(number: int) -> None:
        try:
            connection.select("SELECT 1")
            start.wait(30)
            results[number] = jobs[number]()
        finally:
            connection.disconnect()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in results
    return results


class Writer:
    """A writer taken step by step; it may be killed between any two."""

    def __init__(self, tenant: Tenant, events: list[dict[str, Any]]) -> None:
        self._tenant = tenant.pk
        self._commit = secrets.randbits(63)
        self._pending = numbered(parse(events))

    def rows(self) -> list[commit.Stored]:
        return list(commit._stored(self._tenant, [p.identity for p in self._pending]))

    def insert(self) -> None:
        commit._insert_rows(self._tenant, self._commit, self._pending)

    def settle(self) -> set[int]:
        """The positions that this writer won."""
        winners = commit._settled(self._tenant, self.rows())
        return {n for n, p in enumerate(self._pending) if winners[p.key].commit == self._commit}


def rivals(tenant: Tenant, event: Events) -> Iterator[Writer]:
    for at in (AT, LATER):
        yield Writer(
            tenant,
            [event.tokens(at, id=f"{n}", input_tokens=1, agent=at[8:10]) for n in range(20)]
            + [event.task(at, f"t{n}", id=f"t{n}", agent=at[8:10]) for n in range(5)],
        )


@pytest.mark.parametrize("order", ["first settles first", "second settles first"])
def test_writers_that_both_looked_before_either_inserted_agree(
    order: str, tenant: Tenant, event: Events, roll: Roll
) -> None:
    first, second = rivals(tenant, event)
    assert (first.rows(), second.rows()) == ([], [])
    first.insert()
    second.insert()
    if order == "first settles first":
        assert (first.settle(), second.settle()) == (set(range(25)), set())
    else:
        assert (second.settle(), first.settle()) == (set(), set(range(25)))
    assert [
        (row.group["day"], row.requests) for row in queries.usage(tenant, OCTOBER, ("day",))
    ] == [("2026-10-05", 20)]
    roll(tenant)
    assert [day.date.day for day in queries.daa(tenant, OCTOBER) if day.active] == [5]


def test_a_rollup_settles_what_a_killed_writer_left(
    tenant: Tenant, event: Events, roll: Roll
) -> None:
    first, second = rivals(tenant, event)
    first.insert()
    second.insert()
    roll(tenant)
    assert requests_of(tenant) == 20
    assert sum(calls.requests for _, calls in queries.priced_calls(tenant, OCTOBER)) == 20
    assert [day.date.day for day in queries.daa(tenant, OCTOBER) if day.active] == [5]
    before = numbers(tenant)
    assert second.settle() == set()
    connection.command("OPTIMIZE TABLE events FINAL")
    connection.command("OPTIMIZE TABLE superseded FINAL")
    roll(tenant)
    assert numbers(tenant) == before


def test_a_watermark_settles_what_a_killed_writer_left(tenant: Tenant, event: Events) -> None:
    """An invoice may be drafted before the rollup that follows a kill."""
    first, second = rivals(tenant, event)
    first.insert()
    second.insert()
    watermark = queries.store_now(tenant)
    calls = queries.priced_calls(tenant, OCTOBER, received_before=watermark)
    assert sum(found.requests for _, found in calls) == 20


def test_a_row_that_loses_after_its_rollup_leaves_it(
    tenant: Tenant, event: Events, roll: Roll
) -> None:
    _, loser = rivals(tenant, event)
    loser.insert()
    roll(tenant)
    assert [day.date.day for day in queries.daa(tenant, OCTOBER) if day.active] == [7]
    commit.supersede(tenant.pk, loser.rows())
    roll(tenant)
    assert [day.date.day for day in queries.daa(tenant, OCTOBER) if day.active] == []
    assert queries.priced_calls(tenant, OCTOBER) == []
    assert roll(tenant) == 0


def test_an_insert_under_way_is_waited_for(tenant: Tenant, event: Events) -> None:
    """Every event received before the moment can be seen at that moment."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            ingest(tenant, encode([event.tokens(AT) for _ in range(20)]))
        connection.disconnect()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = []
        for _ in range(30):
            moment = queries.store_now()
            seen.append((moment, received_before(tenant, moment)))
    finally:
        stop.set()
        thread.join(60)
    assert seen[-1][1] > 0
    assert [(moment, received_before(tenant, moment)) for moment, _ in seen] == seen


def received_before(tenant: Tenant, moment: datetime) -> int:
    return sum(count for _, count in queries.usage_types(tenant, OCTOBER, received_before=moment))
