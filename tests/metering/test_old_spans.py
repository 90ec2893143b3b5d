"""Spans are dropped for their age, and no total notices."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pytest_django import Settings

from metering import queries, tasks
from metering.clickhouse import commit, connection, rollup, trace_spans
from metering.clickhouse.barrier import store_now
from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.collectors.otlp import read_spans
from metering.models import Tenant
from metering.spans import SpanReport, forget_old, ingest_spans
from tests.metering.otlp import PROTOBUF, agent, call, encode, export, make, tool
from tests.metering.test_otlp_attribution import OCTOBER, RICH, Roll, family, twins
from tests.metering.test_otlp_kills import Killed, killed

Receive = Callable[..., SpanReport]


@pytest.fixture
def receive(tenant: Tenant) -> Receive:
    """Take spans in by one request; `ago` is how many days before today."""

    def send(*spans: Span, ago: int = 0) -> SpanReport:
        with received(ago):
            return ingest_spans(tenant, read_spans(PROTOBUF, encode(export(spans))))

    return send


@contextlib.contextmanager
def received(ago: int) -> Iterator[None]:
    """The store's clock is days behind for what is written meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for place in (trace_spans, commit):
            patch.setattr(place, "insert", _earlier(place.insert, ago))
        yield


def _earlier(insert: Any, ago: int) -> Any:
    def earlier(table: str, names: list[str], columns: list[Any], **settings: Any) -> None:
        then = micros(store_now() - timedelta(days=ago))
        insert(table, [*names, "received_at"], [*columns, [then] * len(columns[0])], **settings)

    return earlier if ago else insert


def totals(tenant: Tenant, roll: Roll) -> Any:
    """By agent: requests, tokens, tools and tasks, derived anew from everything."""
    rollup.forget_scans(tenant.pk)
    roll(tenant)
    rows = queries.usage(tenant, OCTOBER, ("agent",))
    counted = {(r.group["agent"], r.requests, r.input_tokens, r.tool_calls, r.tasks) for r in rows}
    priced = queries.priced_calls(tenant, OCTOBER, ("agent",))
    assert {g["agent"]: c.requests for g, c in priced} == {a: n for a, n, *_ in counted if n}
    return counted


def kept(tenant: Tenant) -> int:
    [(count,)] = select("SELECT count() FROM trace_spans WHERE tenant = %(t)s", {"t": tenant.pk})
    return int(count)


def test_what_is_dropped_changes_no_total_and_neither_does_a_resend(
    tenant: Tenant, receive: Receive, roll: Roll, settings: Settings
) -> None:
    spans = [*family(), call(), tool("alone")]
    receive(*spans, ago=200)
    before, moment = totals(tenant, roll), queries.store_now(tenant)
    tasks.drop_old_spans()
    assert kept(tenant) == 0
    assert totals(tenant, roll) == before
    for span in spans:  # first those that alone know less than what stands
        receive(span)
        if span == spans[2]:
            assert totals(tenant, roll) == before
    assert totals(tenant, roll) == before
    assert _by_agent(tenant) == _by_agent(tenant, moment)


def _by_agent(tenant: Tenant, moment: Any = None) -> Any:
    found = queries.priced_calls(tenant, OCTOBER, ("agent",), received_before=moment)
    return {g["agent"]: (c.requests, c.total_tokens) for g, c in found}


@pytest.mark.parametrize("rest", [0, 1, 2, 6])
def test_a_trace_that_lost_some_of_its_spans_keeps_what_it_knew(
    rest: int, tenant: Tenant, receive: Receive, roll: Roll
) -> None:
    """All but one of a family are old; that one alone would not know whose work it is."""
    spans = family()
    receive(*spans[:rest], *spans[rest + 1 :], ago=200)
    receive(spans[rest])
    before = totals(tenant, roll)
    forget_old()
    assert kept(tenant) == 1
    assert totals(tenant, roll) == before
    receive(make({"http.route": "/x"}, parent=spans[rest]))
    assert totals(tenant, roll) == before


@pytest.mark.parametrize("first", [0, 1])
def test_the_other_span_of_a_dropped_call_is_the_same_call(
    first: int, tenant: Tenant, receive: Receive, roll: Roll
) -> None:
    """Poorer or richer, it comes after the first one was dropped."""
    *both, worker = twins()
    receive(both[first], worker, ago=200)
    before = totals(tenant, roll)
    forget_old()
    report = receive(both[1 - first])
    assert (report.accepted, report.duplicates) == (0, 1)
    assert totals(tenant, roll) == before
    report = receive(both[1 - first])
    assert (report.accepted, report.duplicates) == (0, 1)


@pytest.mark.parametrize("old", [0, 1])
def test_a_twin_that_is_known_does_not_take_the_place_of_the_dropped_one(
    old: int, tenant: Tenant, receive: Receive, roll: Roll
) -> None:
    *both, worker = twins()
    receive(both[old], ago=200)
    receive(both[1 - old], worker)
    before = totals(tenant, roll)
    assert {n for _, n, *_ in before if n} == {1}
    forget_old()
    receive(make({"http.route": "/x"}, parent=both[1 - old]))
    assert totals(tenant, roll) == before
    receive(both[old])
    assert totals(tenant, roll) == before


def test_a_new_call_in_an_old_trace_counts(tenant: Tenant, receive: Receive, roll: Roll) -> None:
    worker = agent("worker")
    receive(call("a", parent=worker), worker, ago=200)
    forget_old()
    receive(call("b", attributes=RICH, parent=worker))
    # Its agent is not known any more: 40 uncached by the worker, 30 by nobody but the service.
    assert totals(tenant, roll) == {("worker", 1, 40, 0, 1), ("agent-svc", 1, 30, 0, 0)}


def test_spans_younger_than_the_setting_stay(
    tenant: Tenant, receive: Receive, settings: Settings
) -> None:
    receive(call("old"), ago=200)
    receive(call("young"), ago=20)
    receive(call("new"))
    assert len(forget_old()) == 1
    assert kept(tenant) == 2
    assert forget_old() == []
    settings.TRACE_SPANS_DAYS = 300
    receive(call("older"), ago=250)
    assert forget_old() == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_kill_while_spans_are_dropped_loses_and_doubles_nothing(
    nth: int, tenant: Tenant, receive: Receive, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor, rich, worker = twins()
    receive(poor, worker, ago=200)
    before, calls, real = totals(tenant, roll), [], connection.command

    def dying(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == nth:
            raise Killed
        real(*arguments)

    monkeypatch.setattr(trace_spans, "command", dying)
    with pytest.raises(Killed):
        forget_old()
    assert kept(tenant) == 2
    assert totals(tenant, roll) == before
    monkeypatch.setattr(trace_spans, "command", real)
    forget_old()
    receive(rich)
    assert totals(tenant, roll) == before


def test_a_span_whose_event_was_not_made_yet_is_not_dropped_without_it(
    tenant: Tenant, receive: Receive, roll: Roll
) -> None:
    """Its writer was killed, and nothing has been rolled up ever since."""
    with killed(trace_spans, "keep", "after"), contextlib.suppress(Killed):
        receive(call(), ago=200)
    forget_old()
    assert totals(tenant, roll) == {("agent-svc", 1, 40, 0, 0)}
