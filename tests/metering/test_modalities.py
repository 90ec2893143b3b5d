"""A call of several modalities is an event for each, and one request."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from metering import queries
from metering.clickhouse.connection import select
from metering.clickhouse.quarantine import conflicts
from metering.models import Tenant
from metering.usage.meter import parse_meter
from tests.metering.otlp import agent, call, event_id, tool
from tests.metering.test_otlp_attribution import OCTOBER, Roll
from tests.metering.test_otlp_kills import STEPS, Killed, killed, send

Api = Callable[[Tenant], Client]
# Of the 100 in and 20 out: 30 in and 15 out are audio, 10 of these and 50 others from the cache.
SPOKEN = {
    "gen_ai.usage.audio.input_tokens": 30,
    "gen_ai.usage.audio.cache_read.input_tokens": 10,
    "gen_ai.usage.audio.output_tokens": 15,
}
SPLIT = [("audio", 0, 20, 10, 15), ("text", 1, 20, 50, 5)]


def by_modality(tenant: Tenant) -> list[tuple[Any, ...]]:
    rows = queries.usage(tenant, OCTOBER, ("modality",))
    return [
        (r.group["modality"], r.requests, r.input_tokens, r.cache_read_tokens, r.output_tokens)
        for r in rows
        if r.group["modality"]
    ]


def numbers(tenant: Tenant, moment: Any = None) -> Any:
    return {
        (group["agent"], group["modality"]): (calls.requests, calls.total_tokens)
        for group, calls in queries.priced_calls(
            tenant, OCTOBER, ("agent", "modality"), received_before=moment
        )
    }


def test_a_call_is_one_request_wherever_requests_are_counted(
    tenant: Tenant, api: Api, roll: Roll
) -> None:
    worker = agent("worker")
    send(tenant, call(attributes=SPOKEN, parent=worker))
    send(tenant, call(parent=worker))
    send(tenant, worker)
    # 20 + 40 uncached, 50 + 60 read, 5 + 20 out
    assert by_modality(tenant) == [("audio", 0, 20, 10, 15), ("text", 2, 60, 110, 25)]
    roll(tenant)
    client = api(tenant)
    for path in ("usage", "efficiency"):
        url = f"/api/v1/{path}?from=2026-10-01&to=2026-11-01"
        [row] = client.get(url).json()["rows"]
        assert (row["requests"], row["input_tokens"], row["output_tokens"]) == (2, 80, 40)
    for filters, quantity in (({}, 2), ({"modality": ["text"]}, 2), ({"modality": ["audio"]}, 0)):
        meter = parse_meter({"type": "agent.tokens", "aggregation": "count", "filters": filters})
        [found] = queries.meter_quantities(tenant, meter, OCTOBER)
        assert found.quantity == quantity
    assert numbers(tenant) == numbers(tenant, queries.store_now(tenant))


def test_identities_are_stable_and_a_resend_changes_nothing(tenant: Tenant) -> None:
    span = call(attributes=SPOKEN)
    for _ in range(2):
        send(tenant, span)
    rows = select(
        "SELECT id, modality, part, other_prompt_tokens FROM events WHERE tenant = %(t)s"
        " ORDER BY id",
        {"t": tenant.pk},
    )
    base = event_id(span)
    assert rows == [(base, "text", 1, 30), (f"{base}/audio", "audio", 2, 70)]
    assert conflicts(tenant.pk) == []


def test_an_agent_that_comes_late_gets_every_part(tenant: Tenant, roll: Roll) -> None:
    worker = agent("worker")
    send(tenant, call(attributes=SPOKEN, parent=worker))
    before = queries.store_now(tenant)
    send(tenant, worker)
    parts = {"audio": (0, 45), "text": (1, 75)}
    roll(tenant)
    assert numbers(tenant) == {("worker", name): count for name, count in parts.items()}
    assert numbers(tenant, before) == {("agent-svc", name): n for name, n in parts.items()}


def twins() -> tuple[Span, Span, Span]:
    """The same call told by two spans in two traces, the richer one of them by modality."""
    worker = agent("worker")
    image = {"gen_ai.usage.image.input_tokens": 25}
    return call("t", attributes=image, parent=worker), call("t", attributes=SPOKEN), worker


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_twins_are_one_call_with_the_modalities_of_the_richer(
    order: tuple[int, ...], tenant: Tenant, roll: Roll
) -> None:
    everything = twins()
    seen, moments = [], []
    for number in order:
        send(tenant, everything[number])
        moments.append(queries.store_now(tenant))
        seen.append(numbers(tenant, moments[-1]))
    assert by_modality(tenant) == SPLIT
    if order[0] == 0:  # the poorer one stood alone: 75 text and 20 out, 25 of an image
        assert seen[0] == {("agent-svc", "text"): (1, 95), ("agent-svc", "image"): (0, 25)}
    roll(tenant)
    assert (
        numbers(tenant) == seen[-1] == {("worker", "text"): (1, 75), ("worker", "audio"): (0, 45)}
    )
    assert [numbers(tenant, moment) for moment in moments] == seen


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS[2:6], ids=lambda step: step[1])
def test_a_kill_between_any_two_steps_loses_no_part_and_doubles_none(
    step: tuple[Any, str], when: str, tenant: Tenant, roll: Roll
) -> None:
    poor, rich, worker = twins()
    for span in (poor, worker):
        send(tenant, span)
    with killed(*step, when), contextlib.suppress(Killed):
        send(tenant, rich)
    roll(tenant)
    assert by_modality(tenant) == SPLIT
    moment = queries.store_now(tenant)
    assert numbers(tenant) == numbers(tenant, moment)


def test_more_by_modality_than_the_call_has_is_quarantined(tenant: Tenant) -> None:
    send(tenant, call(attributes={"gen_ai.usage.audio.input_tokens": 101}))
    assert by_modality(tenant) == []
    [kept] = queries.quarantined(tenant, 10)
    assert kept.detail == ("data.input_tokens: 101 audio by modality are more than the call's 100")


def test_tools_and_agents_are_single_events(tenant: Tenant) -> None:
    worker = agent("worker")
    send(tenant, tool("search", parent=worker))
    send(tenant, worker)
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.tool_calls, row.tasks) == (0, 1, 1)


def test_litellm_by_modality(tenant: Tenant, api: Api) -> None:
    payload = {
        "litellm_call_id": "c1",
        "custom_llm_provider": "gemini",
        "model": "gemini-2.5-flash",
        "endTime": 1_790_899_200,  # 2026-10-02T00:00:00Z
        "metadata": {
            "usage_object": {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 30},
                "completion_tokens_details": {"audio_tokens": 15, "reasoning_tokens": 3},
            }
        },
    }
    client = api(tenant)
    for _ in range(2):
        answer = client.post("/api/v1/litellm", json.dumps([payload]), "application/json")
        assert answer.status_code == 204
    # 70 text, of which 60 cached
    assert by_modality(tenant) == [("audio", 0, 30, 0, 15), ("text", 1, 10, 60, 5)]
    ids = select("SELECT id FROM events WHERE tenant = %(t)s ORDER BY id", {"t": tenant.pk})
    assert ids == [("c1",), ("c1/audio",)]


def test_a_price_by_the_length_of_the_prompt_goes_by_the_whole_call(
    tenant: Tenant, roll: Roll
) -> None:
    """100 in the prompt, 70 text and 30 audio: both are over 90."""
    send(tenant, call(attributes=SPOKEN))
    roll(tenant)
    found = queries.priced_calls(tenant, OCTOBER, thresholds=(90, 100))
    assert {(calls.modality, calls.prompt_over) for _, calls in found} == {
        ("text", 90),
        ("audio", 90),
    }
