"""What real exporters sent, posted as it was: each call counts once, in disjoint classes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metering import queries
from metering.clickhouse.connection import select
from metering.clickhouse.quarantine import conflicts
from metering.models import Tenant
from metering.usage.period import month_period
from tests.metering.otlp import JSON, PROTOBUF, encode, export, spans_of

URL = "/v1/traces"
NOVEMBER = month_period("2026-11", "UTC")

Api = Callable[[Tenant], Client]
Shared = Callable[[str], Path]

# input, cache read, cache write, output; from the README of the captures.
CHAT = (176, 1024, 0, 300)  # 1200 - 1024; 300 of which 128 reasoning
RESPONSES = (464, 1536, 0, 400)  # 2000 - 1536
ANTHROPIC = (50, 2000, 1000, 77)  # 3050 - 2000 - 1000
EMBEDDING = (8, 0, 0, 0)

EXPECTED = {
    "anthropic-sdk-2.12.0-native-plus-genai-anthropic-1.3b0": [ANTHROPIC],
    "langfuse-5.0.4": [CHAT],
    "openllmetry-openai-0.62.4": [CHAT, CHAT, EMBEDDING, RESPONSES],
    "otel-genai-openai-1.3b0": [CHAT, CHAT, EMBEDDING, RESPONSES],
    "otel-genai-openai-agents-1.3b0": [RESPONSES, RESPONSES],
}
UNMETERED = {"openllmetry-openai-0.62.4": 2, "otel-genai-openai-1.3b0": 2}


def requests_in(folder: Path) -> list[ExportTraceServiceRequest]:
    """The folder's trace requests; the fake server's constant response ids made each its own.

    Only the Anthropic spans keep theirs: they are one call.
    """
    requests = []
    for path in sorted(folder.glob("*traces.pb")):
        request = ExportTraceServiceRequest.FromString(path.read_bytes())
        for number, span in enumerate(spans_of(request)):
            for attribute in span.attributes:
                if attribute.key == "gen_ai.response.id" and "anthropic" not in folder.name:
                    attribute.value.string_value += f"-{number}"
        requests.append(request)
    return requests


def post(client: Client, request: ExportTraceServiceRequest, kind: str = PROTOBUF) -> Any:
    return client.post(URL, encode(request, kind), content_type=kind)


def calls_of(tenant: Tenant) -> list[tuple[int, ...]]:
    """The classes of each call that counts."""
    rows = select(
        "SELECT input_tokens, cache_read_tokens, cache_write_tokens, output_tokens FROM events"
        " WHERE tenant = %(tenant)s AND type = 'agent.tokens' AND (identity, commit) NOT IN ("
        " SELECT identity, commit FROM superseded UNION ALL SELECT identity, commit FROM amended)"
        " ORDER BY model, input_tokens, cache_read_tokens",
        {"tenant": tenant.pk},
    )
    return sorted(rows)


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_capture_is_counted_once_in_disjoint_classes(
    name: str, kind: str, tenant: Tenant, api: Api, shared: Shared
) -> None:
    client = api(tenant)
    for request in requests_in(shared("captures") / name):
        answer = post(client, request, kind)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert calls_of(tenant) == sorted(EXPECTED[name])
    [row] = queries.usage(tenant, NOVEMBER)
    assert row.requests == len(EXPECTED[name])
    kept = queries.quarantined(tenant, 10)
    assert len([row for row in kept if row.detail.startswith("unmetered:")]) == UNMETERED.get(
        name, 0
    )
    assert len(kept) == UNMETERED.get(name, 0)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_order_of_requests_and_spans_and_resends_change_nothing(
    name: str, tenant: Tenant, api: Api, shared: Shared
) -> None:
    client = api(tenant)
    whole = requests_in(shared("captures") / name)
    requests = [single for request in whole for single in one_by_one(request)]
    for request in [*reversed(requests), *requests, *whole]:
        assert post(client, request).status_code == 200
    assert calls_of(tenant) == sorted(EXPECTED[name])
    assert queries.usage(tenant, NOVEMBER)[0].requests == len(EXPECTED[name])
    assert conflicts(tenant.pk) == []


def one_by_one(request: ExportTraceServiceRequest) -> Iterator[ExportTraceServiceRequest]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                single = export([span], service="")
                single.resource_spans[0].resource.CopyFrom(resource.resource)
                yield single


def test_a_resend_after_429_is_the_same_span(tenant: Tenant, api: Api, shared: Shared) -> None:
    client = api(tenant)
    folder = shared("captures") / "otlp-python-retry-on-429"
    bodies = [path.read_bytes() for path in sorted(folder.glob("*.pb"))]
    assert len(bodies) == 4
    for body in bodies:
        assert client.post(URL, body, content_type=PROTOBUF).status_code == 200
    stored = select(
        "SELECT count(), uniqExact(id) FROM events WHERE tenant = %(t)s", {"t": tenant.pk}
    )
    assert stored[0][0] == stored[0][1] <= 1


def test_the_json_exporter_leaves_the_model_to_the_name_of_the_span(
    tenant: Tenant, api: Api, shared: Shared
) -> None:
    folder = shared("captures") / "otlp-json-py-0.66b1"
    [body] = [path.read_bytes() for path in folder.glob("*traces.json")]
    assert api(tenant).post(URL, body, content_type=JSON).status_code == 200
    [row] = queries.usage(tenant, NOVEMBER, ("model", "agent"))
    assert (row.group, row.input_tokens, row.output_tokens) == (
        {"model": "m", "agent": "unknown_service:python"},
        12,
        3,
    )


def test_an_agent_has_its_calls_its_tools_and_its_task(
    tenant: Tenant, api: Api, shared: Shared
) -> None:
    name = "otel-genai-openai-agents-1.3b0"
    client = api(tenant)
    for request in requests_in(shared("captures") / name):
        post(client, request)
    task = "cc90bae0a80889e29c3bb279f242f8f5/7b5234a665f28b9d"
    rows = select(
        "SELECT type, agent, task, status, session, tool FROM events"
        " WHERE tenant = %(tenant)s ORDER BY type, time",
        {"tenant": tenant.pk},
    )
    assert rows == [
        ("agent.task", "Weather Agent", task, "succeeded", "conv-42", ""),
        ("agent.tokens", "Weather Agent", task, "", "", ""),
        ("agent.tokens", "Weather Agent", task, "", "", ""),
        ("agent.tool", "Weather Agent", task, "ok", "", "get_weather"),
    ]


def test_metrics_are_taken_and_never_billed(tenant: Tenant, api: Api, shared: Shared) -> None:
    client = api(tenant)
    for path in shared("captures").glob("*/*metrics.pb"):
        answer = client.post("/v1/metrics", path.read_bytes(), content_type=PROTOBUF)
        assert (answer.status_code, answer.content) == (200, b"")
    assert select("SELECT count() FROM events WHERE tenant = %(t)s", {"t": tenant.pk}) == [(0,)]


def test_no_text_of_a_prompt_or_an_answer_is_kept(
    tenant: Tenant, api: Api, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    client = api(tenant)
    for name in EXPECTED:
        for request in requests_in(shared("captures") / name):
            for span in spans_of(request):
                span.attributes.add(key="gen_ai.input.messages").value.string_value = "s3cret words"
                span.attributes.add(key="gen_ai.tool.call.arguments").value.string_value = "s3cret"
            post(client, request)
    kept = str(
        [
            select(f"SELECT * FROM {table} WHERE tenant = %(t)s", {"t": tenant.pk})
            for table in ("events", "trace_spans", "quarantine", "conflicts")
        ]
    )
    assert "get_weather" in kept
    for words in ("s3cret", "Sunny", "Paris", "Hello", "sunny", "role", "Traceback"):
        assert words not in kept
        assert words not in caplog.text
