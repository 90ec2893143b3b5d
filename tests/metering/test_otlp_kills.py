"""Spans whose writers are killed, or race: nothing is lost and nothing counts twice."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from metering import queries, rollups, spans
from metering.clickhouse import amend as amending
from metering.clickhouse import trace_spans
from metering.collectors.otlp import read_spans
from metering.models import Tenant
from tests.metering.otlp import PROTOBUF, agent, an_id, call, encode, export
from tests.metering.test_identity import at_once
from tests.metering.test_otlp_attribution import OCTOBER, RICH, Roll, numbers, twins


class Killed(BaseException):
    """The process ends here."""


STEPS = [
    (trace_spans, "keep"),
    (spans, "missing"),
    (spans, "ingest"),
    (spans, "amend"),
    (amending, "insert_events"),
    (amending, "leave_out"),
    (trace_spans, "count"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(
    step: tuple[Any, str],
    when: str,
    victim: int,
    tenant: Tenant,
    roll: Roll,
) -> None:
    everything = twins()
    for number, span in enumerate(everything):
        if number == victim:
            with killed(*step, when), contextlib.suppress(Killed):
                send(tenant, span)
        # What was not even kept is the client's to send again; the rest need not be.
        if number != victim or step[1] == "keep":
            send(tenant, span)
    roll(tenant)
    moment = queries.store_now(tenant)
    assert numbers(tenant) == numbers(tenant, moment) == {"worker": (1, 30)}
    assert queries.usage(tenant, OCTOBER)[0].requests == 1


def test_a_writer_killed_while_a_rollup_begins_is_not_forgotten(
    tenant: Tenant, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its spans come after the rollup has looked for such ones, and before what it takes in."""
    real = spans.agree_received

    def meanwhile(*arguments: Any) -> None:
        real(*arguments)
        monkeypatch.setattr(rollups, "agree_received", real)
        for span in twins():
            with killed(trace_spans, "keep", "after"), contextlib.suppress(Killed):
                send(tenant, span)

    monkeypatch.setattr(rollups, "agree_received", meanwhile)
    roll(tenant)
    roll(tenant)
    assert numbers(tenant) == {"worker": (1, 30)}


def send(tenant: Tenant, span: Span) -> None:
    spans.ingest_spans(tenant, read_spans(PROTOBUF, encode(export([span]))))


@contextlib.contextmanager
def killed(place: Any, step: str, when: str) -> Iterator[None]:
    real, reached = getattr(place, step), []

    def dying(*arguments: Any, **named: Any) -> Any:
        reached.append(step)
        if when == "after":
            real(*arguments, **named)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, step, dying)
        yield
    assert reached or step in {"insert_events", "ingest"}, "only these are not always needed"


def test_requests_that_race_agree(tenant: Tenant, roll: Roll) -> None:
    """Each span of ten calls comes in a request of its own, all at once and each twice."""
    everything = [span for _ in range(10) for span in fresh_twins()]
    bodies = [encode(export([span])) for span in everything for _ in range(2)]
    jobs = [partial(spans.ingest_spans, tenant, read_spans(PROTOBUF, body)) for body in bodies]
    for some in range(0, len(jobs), 12):
        at_once([*jobs[some : some + 12]])
    # 10 × (100 - 60 - 10)
    assert queries.usage(tenant, OCTOBER)[0].input_tokens == 300
    counted = queries.usage(tenant, OCTOBER, ("agent",))
    assert [(row.group["agent"], row.requests, row.tasks) for row in counted] == [
        ("worker", 10, 10)
    ]
    moment = queries.store_now(tenant)
    roll(tenant)
    assert numbers(tenant) == numbers(tenant, moment) == {"worker": (10, 300)}


def fresh_twins() -> tuple[Span, ...]:
    response = an_id().hex()
    worker = agent("worker")
    return call(response, parent=worker), call(response, attributes=RICH), worker
