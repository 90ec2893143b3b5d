"""LiteLLM's generic logger: calls, cache hits, failures, and nothing of what was said."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering import queries
from metering.clickhouse.quarantine import Refused
from metering.collectors import litellm
from metering.models import Tenant
from metering.usage.period import month_period

OCTOBER = month_period("2026-10", "UTC")
AT = 1_790_899_200  # 2026-10-02T00:00:00Z
URL = "/api/v1/litellm"
Api = Callable[[Tenant], Client]
SECRET = "what was said"
USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 300,
    "prompt_tokens_details": {"cached_tokens": 1024, "text_tokens": None},
    "completion_tokens_details": {"reasoning_tokens": 128},
}


def payload(**fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "trace_id": "t",
        "call_type": "acompletion",
        "status": "success",
        "cache_hit": None,
        "custom_llm_provider": "openai",
        "model": "gpt-5-mini",
        "startTime": AT - 1.5,
        "endTime": AT + 0.25,
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "response_cost": 1.5e-05,
        "end_user": "",
        "metadata": {
            "usage_object": USAGE,
            "user_api_key_alias": "team-key",
            "requester_metadata": {"agent_id": "ada", "task": "t-1", "note": SECRET},
        },
        "messages": [{"role": "user", "content": SECRET}],
        "response": {"choices": [{"message": {"content": SECRET}}]},
        "model_parameters": {"service_tier": "priority", "tools": [SECRET]},
        "error_str": SECRET,
    } | fields


def only(**fields: Any) -> Any:
    [found] = litellm.events(json.dumps([payload(**fields)]).encode())
    return found if isinstance(found, Refused) else json.loads(found)


def test_a_call_becomes_tokens_in_disjoint_classes() -> None:
    assert only() == {
        "specversion": "1.0",
        "id": "call-1",
        "source": "litellm",
        "type": "agent.tokens",
        "subject": "ada",
        "time": "2026-10-02T00:00:00.250000Z",
        "data": {
            "task": "t-1",
            "model": "gpt-5-mini",
            "provider": "openai",
            "input_tokens": 176,
            "cache_read_tokens": 1024,
            "cache_write_tokens": 0,
            "cache_write_long_tokens": 0,
            "output_tokens": 300,
            "reasoning_tokens": 128,
            "attempt": 1,
            "duration_ms": 1750,
            "service_tier": "priority",
        },
    }


def test_an_answer_from_its_cache_cost_no_tokens() -> None:
    found = only(cache_hit=True)
    assert (found["type"], found["id"]) == ("agent.cache", "call-1")
    # 1200 + 300
    assert found["data"] == {
        "task": "t-1",
        "model": "gpt-5-mini",
        "cache": "litellm",
        "hit": True,
        "saved_tokens": 1500,
    }


def test_a_model_has_one_name_with_and_without_its_provider() -> None:
    assert only(model="openai/gpt-5-mini")["data"]["model"] == "gpt-5-mini"
    assert only(model="meta/llama")["data"]["model"] == "meta/llama"


AGENTS: dict[str, tuple[dict[str, Any], str]] = {
    "what the caller says": ({"metadata": {"requester_metadata": {"agent": "bo"}}}, "bo"),
    "the end user": ({"metadata": {"user_api_key_alias": "k"}, "end_user": "eve"}, "eve"),
    "the key's alias": ({"metadata": {"user_api_key_alias": "k"}}, "k"),
    "the key's hash": ({"metadata": {"user_api_key_hash": "ff"}}, "ff"),
    "nobody": ({"metadata": None}, "litellm"),
}


@pytest.mark.parametrize("name", AGENTS)
def test_the_agent_is(name: str) -> None:
    fields, agent = AGENTS[name]
    assert only(**fields)["subject"] == agent


def test_without_a_usage_object_the_totals_count() -> None:
    data = only(metadata={})["data"]
    assert (data["input_tokens"], data["output_tokens"]) == (1200, 300)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"status": "failure"}, "failed"),
        ({}, "stream"),
        ({"metadata": {"usage_object": {"prompt_tokens": 0, "completion_tokens": 0}}}, "stream"),
    ],
)
def test_no_usage_is_unmetered_not_zero(fields: dict[str, Any], why: str) -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "metadata": {}}
    found = only(**nothing | fields)
    assert isinstance(found, Refused)
    assert found.detail.startswith("unmetered: ")
    assert why in found.detail
    assert (found.source, found.id) == ("litellm", "call-1")


def test_a_failure_that_used_tokens_counts_beside_its_retry() -> None:
    assert only(status="failure")["id"] == "call-1/failed"


def test_a_negative_class_is_refused_by_name() -> None:
    usage = {"prompt_tokens": 50, "prompt_tokens_details": {"cached_tokens": 2000, "x": SECRET}}
    found = only(metadata={"usage_object": usage | {"note": SECRET}})
    assert isinstance(found, Refused)
    assert found.detail.startswith("input_tokens: comes out as -1950")
    assert json.loads(found.body)["metadata"]["usage_object"] == {
        "prompt_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 2000},
    }


def post(client: Client, body: object) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(URL, raw, content_type="application/json")


def test_a_batch_is_stored_once_and_nothing_said_is_kept(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    failed = payload(litellm_call_id="call-2", status="failure", prompt_tokens=0, metadata={})
    failed["completion_tokens"] = 0
    batch = [payload(), failed, payload(litellm_call_id="call-3", cache_hit=True)]
    for _ in range(2):
        assert post(client, batch).status_code == 204
    # The retry of what failed bears the same call id, and counts.
    assert post(client, [payload(litellm_call_id="call-2")]).status_code == 204
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.input_tokens, row.cache_read_tokens) == (2, 2 * 176, 2 * 1024)
    assert dict(queries.usage_types(tenant, OCTOBER)) == {"agent.tokens": 2, "agent.cache": 1}
    [kept] = queries.quarantined(tenant, 10)
    assert (kept.id, kept.detail.partition(":")[0]) == ("call-2", "unmetered")
    bad = [payload(litellm_call_id="call-4", model=[SECRET]), payload(litellm_call_id="", id="")]
    answer = post(client, bad)
    assert answer.status_code == 400
    assert [r["detail"].partition(":")[0] for r in answer.json()["rejected"]] == ["model", "id"]
    assert SECRET not in "".join(row.body for row in queries.quarantined(tenant, 10))


def test_lines_and_one_payload_are_taken_as_well(tenant: Tenant, api: Api) -> None:
    """Its settings `log_format: ndjson` and `single`, both sent as application/json."""
    client = api(tenant)
    lines = [json.dumps(payload(litellm_call_id=f"call-{n}")).encode() for n in range(3)]
    assert post(client, b"\n".join(lines)).status_code == 204
    assert post(client, lines[0]).status_code == 204
    [row] = queries.usage(tenant, OCTOBER)
    assert row.requests == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(st.sampled_from(sorted(payload())), JSON).map(
    lambda fields: [payload() | fields]
)
USAGES = st.dictionaries(st.sampled_from([*USAGE, "input_tokens"]), JSON).map(
    lambda usage: [payload(metadata={"usage_object": usage})]
)


@given(body=JSON | PAYLOADS | USAGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_body_is_a_500(body: object, tenant: Tenant, api: Api) -> None:
    assert post(api(tenant), body).status_code in {200, 204, 400}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[\xff]",
        b'[{"endTime": 1e999999999, "prompt_tokens": 5, "model": "m", "id": "1"}]',
        b'[{"metadata": {"usage_object": {"prompt_tokens": 1e400}}}]',
        b'[{"model": "\\ud800", "prompt_tokens": 5}]',
        b'[{"model": "\xff", "prompt_tokens": 5}]',
        b"[" * 100_000,
        b'[{"metadata": {"usage_object": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}}]",
    ],
)
def test_absurd_bodies_are_refused(body: bytes, tenant: Tenant, api: Api) -> None:
    assert post(api(tenant), body).status_code in {204, 400}
    assert queries.usage_types(tenant, OCTOBER) == []
