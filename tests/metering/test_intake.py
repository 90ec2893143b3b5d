"""accepted + duplicates + quarantined = received, hour by hour, compared with what is stored."""

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from metering import ingest as ingesting
from metering import intake as counting
from metering import queries, reconciliation, spans
from metering.clickhouse import amend, commit, intake_check, moment, trace_spans
from metering.clickhouse.connection import command, insert, select
from metering.clickhouse.intake import EVENTS, Intake, IntakeHour, record
from metering.collectors.otlp import read_spans
from metering.ingest import Report, ingest
from metering.models import IngestionAlert, Tenant
from metering.reconciliation import HourLine, check_closed_hours, floor_hour, ledger, total
from metering.tasks import check_ingestion
from metering.usage.event import parse_event
from metering.usage.period import Period, month_period
from tests.conftest import Events, encode
from tests.metering.otlp import PROTOBUF, an_id, call, export
from tests.metering.otlp import agent as agent_span
from tests.metering.otlp import encode as otlp
from tests.metering.test_identity import at_once
from tests.metering.test_otlp_attribution import RICH, twins
from tests.metering.test_otlp_kills import Killed, killed

AT = "2026-10-05T12:00:00Z"
OCTOBER = month_period("2026-10", "UTC")
NAMES = ("received", "accepted", "duplicates", "quarantined")

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not come to an end is dead at once."""
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(0))


def book(tenant: Tenant) -> list[HourLine]:
    """The hours of the store's clock around now."""
    now = queries.store_now()
    around = Period(floor_hour(now) - timedelta(hours=2), now + timedelta(hours=1))
    return ledger(tenant, around, now)


def counts(tenant: Tenant) -> tuple[int, ...]:
    """Received, accepted, duplicates, quarantined; everything adds up."""
    lines = book(tenant)
    assert [line.explanation for line in lines] == [""] * len(lines)
    summed = total([HourLine(IntakeHour(datetime.now(UTC))), *lines], datetime.now(UTC))
    found = tuple(getattr(summed, name) for name in NAMES)
    assert found[0] == sum(found[1:])
    return found


def wrong(tenant: Tenant) -> list[tuple[int, str]]:
    return [(fault.events, fault.wrong) for line in book(tenant) for fault in line.faults]


def standing(tenant: Tenant) -> int:
    return sum(events for _, events in queries.usage_types(tenant, OCTOBER))


def test_each_event_of_a_request_is_in_one_place(tenant: Tenant, event: Events, send: Send) -> None:
    known = event.tokens(AT)
    send(tenant, [known])
    changed = dict(known, subject="bob")
    send(tenant, [event.tokens(AT), known, changed, event.tokens(AT, inputTokens=1)])
    assert counts(tenant) == (5, 2, 2, 1)
    [line] = book(tenant)
    assert (line.counts.conflicts, line.counts.unmetered, line.counts.recovered) == (1, 0, 0)


def test_the_same_refused_bytes_again_are_quarantined_again_and_kept_once(
    tenant: Tenant, event: Events, send: Send
) -> None:
    bad = event.tokens(AT, inputTokens=1)
    send(tenant, [bad, bad])
    send(tenant, [bad])
    assert counts(tenant) == (3, 0, 0, 3)
    assert len(queries.quarantined(tenant, 10)) == 1


def test_nothing_received_is_no_hour(tenant: Tenant) -> None:
    assert book(tenant) == []
    ingest(tenant, [])
    assert book(tenant) == []


def test_every_door_is_counted(tenant: Tenant, api: Callable[[Tenant], Client]) -> None:
    client = api(tenant)
    posts: list[tuple[str, Any]] = [
        ("/api/v1/events", [{"id": "x"}]),
        (
            "/api/v1/events",
            {"event": {"transaction_id": "t", "code": "pages", "external_subscription_id": "s"}},
        ),
        ("/api/v1/litellm", [{"id": "1", "status": "failure", "model": "m"}]),
    ]
    for path, body in posts:
        client.post(path, json.dumps(body), content_type="application/json")
    spans_of_one_call = otlp(
        export([call(), agent_span("a"), call(attributes={"gen_ai.usage.input_tokens": -5})])
    )
    client.post("/v1/traces", spans_of_one_call, content_type=PROTOBUF)
    # Two refused, one custom event, then two spans and a refused one.
    assert counts(tenant) == (6, 3, 0, 3)
    assert sum(line.counts.unmetered for line in book(tenant)) == 1


def send_spans(tenant: Tenant, *some: Any) -> spans.SpanReport:
    return spans.ingest_spans(tenant, read_spans(PROTOBUF, otlp(export(some))))


def test_an_amended_span_is_the_same_event_and_a_second_span_of_a_call_a_duplicate(
    tenant: Tenant,
) -> None:
    poor, rich, worker = twins()
    for span in (poor, rich, worker, worker):
        send_spans(tenant, span)
    # The call and the agent; the twin and the resend.
    assert counts(tenant) == (4, 2, 2, 0)
    assert standing(tenant) == 2


def test_twins_in_two_traces_that_race_are_one_event(tenant: Tenant) -> None:
    response = an_id().hex()
    pair = [call(response), call(response, attributes=RICH)]
    at_once([partial(send_spans, tenant, span) for span in pair for _ in range(2)])
    received, accepted, *_ = counts(tenant)
    assert (received, accepted) == (4, standing(tenant))


def test_writers_that_race_are_counted_right(tenant: Tenant, event: Events) -> None:
    bodies = encode([event.tokens(AT) for _ in range(20)])
    at_once([partial(ingest, tenant, bodies) for _ in range(4)])
    assert counts(tenant) == (80, 20, 60, 0)


STEPS = [
    (ingesting, "quarantine"),
    (commit, "_insert_rows"),
    (moment, "wait_for_others"),
    (counting, "record_conflicts"),
    (counting, "record"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
def test_a_kill_between_any_two_steps_is_explained_and_mended(
    step: tuple[Any, str], when: str, tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    known = event.tokens(AT)
    send(tenant, [known])
    batch = [
        event.tokens(AT),
        event.task(AT, "t"),
        dict(known, subject="bob"),
        event.tokens(AT, inputTokens=1),
    ]
    with killed(*step, when), contextlib.suppress(Killed):
        send(tenant, batch)
    # Rows are there that nobody was told of; nothing else may be wrong.
    assert {sentence for _, sentence in wrong(tenant)} <= {intake_check.UNWRITTEN}
    roll(tenant)
    received, accepted, _, quarantined = counts(tenant)
    assert (accepted, quarantined) == (standing(tenant), len(queries.quarantined(tenant, 9)))
    send(tenant, batch)
    again = counts(tenant)
    assert (again[0], again[1]) == (received + 4, 3)
    assert standing(tenant) == 3
    before = [line.counts for line in book(tenant)]
    roll(tenant)
    assert [line.counts for line in book(tenant)] == before


SPAN_STEPS = [
    (trace_spans, "keep"),
    (spans, "account_spans"),
    (spans, "ingest"),
    (spans, "amend"),
    (amend, "leave_out"),
    (counting, "record"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", SPAN_STEPS, ids=lambda step: step[1])
def test_a_kill_between_any_two_steps_of_spans_is_mended(
    step: tuple[Any, str], when: str, tenant: Tenant, roll: Roll
) -> None:
    poor, rich, worker = twins()
    send_spans(tenant, poor)
    with killed(*step, when), contextlib.suppress(Killed):
        send_spans(tenant, rich, worker)
    roll(tenant)
    counts(tenant)
    send_spans(tenant, rich, worker)
    received, accepted, duplicates, _ = counts(tenant)
    assert accepted == standing(tenant) == 2
    # The second time is counted, and the first as far as it left anything.
    assert received in {3, 5}
    assert duplicates == received - 2


def test_a_writer_taken_for_dead_that_was_not_counts_once(
    tenant: Tenant, event: Events, send: Send, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record

    def late(tenant_id: int, intake: Intake) -> None:
        roll(tenant)
        assert counts(tenant) == (2, 2, 0, 0)
        real(tenant_id, intake)

    monkeypatch.setattr(counting, "record", late)
    bad = event.tokens(AT, inputTokens=1)
    known = event.tokens(AT)
    send(tenant, [event.tokens(AT), known, known])
    assert counts(tenant) == (3, 2, 1, 0)
    monkeypatch.undo()
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(0))
    send(tenant, [bad])
    assert counts(tenant) == (4, 2, 1, 1)


def delete(table: str, tenant: Tenant, condition: str = "1") -> None:
    """Lose rows; of a table with a projection only a mutation can."""
    sql = f"ALTER TABLE {table} DELETE WHERE tenant = %(tenant)s AND {condition}"
    command(sql, {"tenant": tenant.pk}, mutations_sync=1)


def test_what_is_lost_or_made_up_does_not_add_up(
    make_tenant: Callable[..., Tenant], event: Events, send: Send
) -> None:
    """Each store is tampered with in one way; the check must name it."""

    def fresh() -> Tenant:
        tenant = make_tenant()
        send(tenant, [event.tokens(AT), event.tokens(AT), event.tokens(AT, inputTokens=1)])
        assert counts(tenant) == (3, 2, 0, 1)
        return tenant

    one = fresh()
    [(some,)] = select("SELECT min(id) FROM events WHERE tenant = %(t)s", {"t": one.pk})
    delete("events", one, f"id = '{some}'")
    assert wrong(one) == [(1, intake_check.MISSING)]

    known = event.tokens(AT)
    one_more = make_tenant()
    send(one_more, [known])
    send(one_more, [known, known])
    assert counts(one_more) == (3, 1, 2, 0)
    delete("events", one_more)
    assert sorted(wrong(one_more)) == [(1, intake_check.MISSING), (2, intake_check.UNKNOWN)]

    two = fresh()
    delete("quarantine", two)
    assert wrong(two) == [(1, intake_check.UNKEPT)]

    three = fresh()
    delete("intake", three)
    assert wrong(three) == [(2, intake_check.UNWRITTEN)]

    four = fresh()
    [(identity, number)] = select(
        "SELECT identity, commit FROM events WHERE tenant = %(t)s ORDER BY id LIMIT 1",
        {"t": four.pk},
    )
    columns = ["tenant", "identity", "commit", "time"]
    insert("superseded", columns, [[four.pk], [identity], [number], [0]])
    assert wrong(four) == [(1, intake_check.BEATEN)]

    five = fresh()
    record(five.pk, Intake(7, EVENTS, received=5, duplicates=3))
    assert wrong(five) == [(2, intake_check.UNEQUAL)]

    six = fresh()
    [(number,)] = select("SELECT commit FROM events WHERE tenant = %(t)s LIMIT 1", {"t": six.pk})
    commit.insert_events(six.pk, number, [event_of(event.tokens(AT))])
    assert wrong(six) == [(1, intake_check.SURPLUS)]

    seven = make_tenant()
    send_spans(seven, agent_span("worker"))
    assert counts(seven) == (1, 1, 0, 0)
    delete("events", seven)
    assert sorted(wrong(seven)) == [(1, intake_check.UNMADE), (1, intake_check.MISSING)]


def event_of(body: dict[str, Any]) -> Any:
    return parse_event(encode([body])[0], datetime.now(UTC))


def test_an_alert_is_raised_once_for_an_hour_that_is_over(
    tenant: Tenant, event: Events, send: Send
) -> None:
    send(tenant, [event.tokens(AT)])
    hour = floor_hour(queries.store_now()) - timedelta(hours=3)
    names = ["tenant", "hour", "commit", "kind", "received", "duplicates"]
    insert("intake", names, [[tenant.pk], [hour], [9], [EVENTS], [4], [1]])
    [alert] = check_closed_hours([tenant])
    assert (alert.hour, alert.detail) == (hour, f"3 {intake_check.UNEQUAL}")
    assert check_closed_hours([tenant]) == []
    assert IngestionAlert.objects.count() == 1
    # From now on only what has not been checked, and the hour before it.
    insert("intake", names, [[tenant.pk], [hour], [8], [EVENTS], [4], [1]])
    later = hour + timedelta(hours=2)
    insert("intake", names, [[tenant.pk], [later], [7], [EVENTS], [6], [1]])
    check_ingestion()
    assert {alert.hour for alert in tenant.ingestion_alerts.all()} == {hour, later}
