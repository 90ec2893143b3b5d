"""Whose work a call was, whichever span comes first, in the same request or another."""

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from metering import queries
from metering.clickhouse import connection
from metering.clickhouse.connection import select
from metering.clickhouse.quarantine import conflicts
from metering.models import Tenant
from metering.usage.period import month_period
from tests.metering.otlp import (
    NOON,
    PROTOBUF,
    agent,
    an_id,
    call,
    encode,
    event_id,
    export,
    make,
    tool,
)

OCTOBER = month_period("2026-10", "UTC")
Api = Callable[[Tenant], Client]
Roll = Callable[[Tenant], int]


@pytest.fixture
def post(tenant: Tenant, api: Api) -> Callable[..., Any]:
    client = api(tenant)

    def send(spans: Sequence[Span], service: str = "agent-svc") -> Any:
        body = encode(export(spans, service))
        return client.post("/v1/traces", body, content_type=PROTOBUF)

    return send


def standing(tenant: Tenant, columns: str = "type, agent, task, parent_task, session") -> Any:
    """The events that count."""
    return select(
        f"SELECT {columns} FROM events WHERE tenant = %(tenant)s AND (identity, commit) NOT IN ("
        " SELECT identity, commit FROM superseded UNION ALL SELECT identity, commit FROM amended)"
        " ORDER BY type, id",
        {"tenant": tenant.pk},
    )


def family() -> list[Span]:
    """A planner asks a researcher, through a chain; both call a model, the researcher a tool."""
    planner = agent("planner", attributes={"gen_ai.conversation.id": "c1"})
    chain = make({"openinference.span.kind": "CHAIN"}, parent=planner)
    researcher = agent("researcher", parent=chain)
    step = make({"http.route": "/x"}, parent=researcher)
    return [
        call("r1", parent=planner),
        call("r2", parent=step),
        tool("search", parent=researcher),
        step,
        researcher,
        chain,
        planner,
    ]


def expected(spans: Sequence[Span]) -> list[tuple[str, ...]]:
    planner, researcher = event_id(spans[6]), event_id(spans[4])
    tasks: list[tuple[str, tuple[str, ...]]] = [
        (planner, ("agent.task", "planner", planner, "", "c1")),
        (researcher, ("agent.task", "researcher", researcher, planner, "c1")),
    ]
    calls: list[tuple[str, tuple[str, ...]]] = [
        (event_id(spans[0]), ("agent.tokens", "planner", planner, "", "")),
        (event_id(spans[1]), ("agent.tokens", "researcher", researcher, "", "")),
    ]
    tools: list[tuple[str, ...]] = [("agent.tool", "researcher", researcher, "", "")]
    return [row for group in (tasks, calls) for _, row in sorted(group)] + tools


@pytest.mark.parametrize("order", ["children first", "parents first", "middle first", "at once"])
def test_every_order_of_arrival_ends_the_same(
    order: str, tenant: Tenant, post: Callable[..., Any], roll: Roll
) -> None:
    spans = family()
    arrivals = {
        "children first": [[span] for span in spans],
        "parents first": [[span] for span in reversed(spans)],
        "middle first": [spans[3:5], spans[0:2], spans[5:], spans[2:3]],
        "at once": [spans],
    }[order]
    for some in [*arrivals, *arrivals, spans]:
        assert post(some).content == b""
    assert standing(tenant) == expected(spans)
    assert conflicts(tenant.pk) == []
    [row] = queries.usage(tenant, OCTOBER)
    # two calls of 40 uncached, 60 read, 20 out
    assert (row.requests, row.input_tokens, row.cache_read_tokens) == (2, 80, 120)
    assert (row.output_tokens, row.tool_calls, row.tasks, row.succeeded_tasks) == (40, 1, 2, 2)
    roll(tenant)
    by_agent = {
        g["agent"]: c.requests for g, c in queries.priced_calls(tenant, OCTOBER, ("agent",))
    }
    assert by_agent == {"planner": 1, "researcher": 1}
    assert roll(tenant) == 0


def test_without_any_agent_the_service_is_the_agent(
    tenant: Tenant, post: Callable[..., Any]
) -> None:
    post([call()])
    post([call()], service="")
    assert {row[1] for row in standing(tenant)} == {"agent-svc", "unknown_service"}


def test_a_call_that_hangs_nowhere_falls_to_the_only_agent_of_its_trace(
    tenant: Tenant, post: Callable[..., Any]
) -> None:
    trace = an_id(16)
    lost, own = call(trace=trace), call(trace=trace, attributes={"gen_ai.agent.name": "critic"})
    post([lost, own])
    assert [row[1] for row in standing(tenant)] == ["agent-svc", "critic"]
    worker = agent("worker", trace=trace, failed=True)
    post([worker])
    assert [row[:3] for row in standing(tenant)] == [
        ("agent.task", "worker", event_id(worker)),
        ("agent.tokens", "worker", event_id(worker)),
        ("agent.tokens", "critic", event_id(worker)),
    ]
    assert standing(tenant, "status")[0] == ("failed",)
    post([agent("another", trace=trace)])
    # Of two agents neither is the only one.
    assert [row[1:3] for row in standing(tenant)][2:] == [("agent-svc", ""), ("critic", "")]


def test_a_circle_of_parents_ends(tenant: Tenant, post: Callable[..., Any]) -> None:
    first = call()
    second = make({}, parent=first)
    first.parent_span_id = second.span_id
    post([first, second])
    assert [row[1] for row in standing(tenant)] == ["agent-svc"]


RICH = {
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 0,
    "gen_ai.usage.cache_write.input_tokens": 10,
}


def twins() -> tuple[Span, Span, Span]:
    """Two spans of one call in two traces, the second richer, the first under an agent."""
    worker = agent("worker")
    poor = call("twin", parent=worker)
    return poor, call("twin", attributes=RICH, at=NOON + 1), worker


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [False, True])
def test_two_spans_of_one_call_are_one_call_with_the_richer_usage_and_the_agent(
    order: Sequence[int], together: bool, tenant: Tenant, post: Callable[..., Any], roll: Roll
) -> None:
    spans = twins()
    arrived = [spans[n] for n in order]
    for some in [arrived] if together else [[span] for span in arrived]:
        post(some)
    task = event_id(spans[2])
    # 100 - 60 - 10
    counted = [(event_id(spans[1]), "worker", task, 30, 60, 10, 20)]
    columns = "id, agent, task, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens"
    assert standing(tenant, columns)[1:] == counted
    post(arrived)
    roll(tenant)
    assert standing(tenant, columns)[1:] == counted
    assert queries.usage(tenant, OCTOBER)[0].requests == 1
    assert conflicts(tenant.pk) == []


def test_the_same_response_of_another_provider_is_another_call(
    tenant: Tenant, post: Callable[..., Any]
) -> None:
    post([call("x"), call("x", attributes={"gen_ai.provider.name": "anthropic"}), call(), call()])
    assert queries.usage(tenant, OCTOBER)[0].requests == 4


def test_a_changed_resend_is_a_listed_conflict_and_changes_nothing(
    tenant: Tenant, post: Callable[..., Any]
) -> None:
    span = call()
    post([span])
    before = standing(tenant)
    span.attributes[3].value.int_value = 90
    post([span])
    assert standing(tenant) == before
    assert [row.id for row in conflicts(tenant.pk)] == [event_id(span)]


def numbers(tenant: Tenant, moment: datetime | None = None) -> Any:
    return {
        g["agent"]: (c.requests, c.input_tokens)
        for g, c in queries.priced_calls(tenant, OCTOBER, ("agent",), received_before=moment)
    }


def test_a_watermark_sees_what_stood_then(
    tenant: Tenant, post: Callable[..., Any], roll: Roll
) -> None:
    poor, rich, worker = twins()
    moments = []
    for span in (poor, worker, rich):
        post([span])
        moments.append(queries.store_now(tenant))
    seen = [{"agent-svc": (1, 40)}, {"worker": (1, 40)}, {"worker": (1, 30)}]
    assert [numbers(tenant, moment) for moment in moments] == seen
    roll(tenant)
    connection.command("OPTIMIZE TABLE amended FINAL")
    connection.command("OPTIMIZE TABLE events FINAL")
    assert [numbers(tenant, moment) for moment in moments] == seen
    assert numbers(tenant) == seen[-1]
