"""Lago's events API: what becomes of an event, and what its clients read in the answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering import queries
from metering.collectors import lago
from metering.models import Tenant
from metering.usage.period import month_period

OCTOBER = month_period("2026-10", "UTC")
AT = 1_790_899_200  # 2026-10-02T00:00:00Z
URL, BATCH = "/api/v1/events", "/api/v1/events/batch"
Api = Callable[[Tenant], Client]


def lago_event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"tx-{number}",
        "external_subscription_id": "sub 1",
        "code": "calls",
        "timestamp": AT,
        "properties": {},
    } | fields


def made(**fields: Any) -> list[tuple[str, str, str, Any]]:
    """(source, type, agent, data) of what an event becomes."""
    raw = json.dumps(lago_event(**fields)).encode()
    found = [json.loads(body) for body in lago.cloudevents(lago.read_event(raw))]
    return [(item["source"], item["type"], item["subject"], item["data"]) for item in found]


SOURCE = "lago/sub%201"
MAPPINGS: dict[str, tuple[dict[str, Any], list[tuple[str, str, str, Any]]]] = {
    "a count": (
        {"properties": {"region": "eu", "dry_run": False, "nothing": None}},
        [
            (
                SOURCE,
                "custom.calls",
                "sub 1",
                {"value": 1, "labels": {"region": "eu", "dry_run": "false"}},
            )
        ],
    ),
    "a value": (
        {"code": "custom.gb", "properties": {"value": "12.50", "agent_id": "ada"}},
        [(SOURCE, "custom.gb", "ada", {"value": "12.50", "labels": {}})],
    ),
    "measures": (
        {"properties": {"tokens": 1200, "text": "7", "model": "m"}},
        [
            (
                SOURCE,
                "custom.calls",
                "sub 1",
                {"value": 1, "labels": {"text": "7", "model": "m"}},
            ),
            (
                f"{SOURCE}/tokens",
                "custom.calls.tokens",
                "sub 1",
                {"value": "1200", "labels": {"text": "7", "model": "m"}},
            ),
            (
                f"{SOURCE}/text",
                "custom.calls.text",
                "sub 1",
                {"value": "7", "labels": {"text": "7", "model": "m"}},
            ),
        ],
    ),
    "an amount": (
        {"precise_total_amount_cents": "12.5", "properties": None},
        [
            (SOURCE, "custom.calls", "sub 1", {"value": 1, "labels": {}}),
            (
                f"{SOURCE}/precise_total_amount_cents",
                "custom.calls.precise_total_amount_cents",
                "sub 1",
                {"value": "12.5", "labels": {}},
            ),
        ],
    ),
    "a type of ours": (
        {"code": "agent.tokens", "properties": {"model": "m", "input_tokens": 5, "agent_id": "a"}},
        [(SOURCE, "agent.tokens", "a", {"model": "m", "input_tokens": 5})],
    ),
    "content is no label": (
        {"properties": {"prompt": "x" * 513, "messages": [{"role": "user"}]}},
        [(SOURCE, "custom.calls", "sub 1", {"value": 1, "labels": {}})],
    ),
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_an_event_becomes(name: str) -> None:
    fields, expected = MAPPINGS[name]
    assert made(**fields) == expected


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [
        (1767225600, "2026-01-01T00:00:00Z"),
        ("1767225600", "2026-01-01T00:00:00Z"),
        ("1767225600.123", "2026-01-01T00:00:00.123000Z"),
        # A double would make .1234560012512207 of it.
        ("1767225600.123456", "2026-01-01T00:00:00.123456Z"),
        ("1767225599.9999999", "2025-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_exact(timestamp: object, time: str) -> None:
    raw = json.dumps(lago_event(timestamp=timestamp)).encode()
    [body] = lago.cloudevents(lago.read_event(raw))
    assert json.loads(body)["time"] == time


def sums(tenant: Tenant) -> dict[str, int]:
    return {kind: count for kind, count, *_ in queries.usage_types(tenant, OCTOBER)}


def test_an_event_is_stored_once_and_echoed(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    body = {"event": lago_event(properties={"value": "2"})}
    for _ in range(2):
        answer = client.post(URL, body, content_type="application/json")
        assert answer.status_code == 200
        found = answer.json()["event"]
        assert (found["transaction_id"], found["code"]) == ("tx-1", "calls")
        assert found["timestamp"] == "2026-10-02T00:00:00Z"
    other = {"event": lago_event(external_subscription_id="sub 2")}
    assert client.post(URL, other, content_type="application/json").status_code == 200
    assert len(queries.usage_types(tenant, OCTOBER)) == 1


def test_a_batch_answers_by_place(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    events = [
        lago_event(1),
        lago_event(2, transaction_id=""),
        lago_event(3, properties={"value": "-1"}),
        lago_event(4, timestamp="yesterday"),
        lago_event(5, code="agent.tokns"),
        lago_event(6, properties=["a secret"]),
        "a secret",
    ]
    answer = client.post(BATCH, {"events": events}, content_type="application/json")
    assert answer.status_code == 422
    found = answer.json()
    assert (found["status"], found["code"]) == (422, "validation_errors")
    fields = {place: list(errors) for place, errors in found["error_details"].items()}
    assert fields == {
        "1": ["transaction_id"],
        "2": ["properties.value"],
        "3": ["timestamp"],
        "4": ["code"],
        "5": ["properties"],
        "6": ["event"],
    }
    kept = queries.quarantined(tenant, 10)
    assert len(kept) == 6
    assert "secret" not in "".join(row.body for row in kept)
    # The first one is stored; sent again beside mended ones it is no error.
    mended = client.post(
        BATCH, {"events": [lago_event(n) for n in range(1, 7)]}, content_type="application/json"
    )
    assert mended.status_code == 200
    assert [item["transaction_id"] for item in mended.json()["events"]] == [
        f"tx-{n}" for n in range(1, 7)
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"events": []}, 422, "no_events"),
        ({}, 422, "no_events"),
        ({"events": [lago_event(n) for n in range(101)]}, 422, "too_many_events"),
        ([], 400, "BadRequest"),
        ({"events": {}}, 400, "BadRequest"),
    ],
)
def test_a_batch_that_is_none(
    body: object, status: int, code: str, tenant: Tenant, api: Api
) -> None:
    answer = api(tenant).post(BATCH, json.dumps(body), content_type="application/json")
    assert answer.status_code == status
    assert code in answer.content.decode()
    assert queries.usage_types(tenant, OCTOBER) == []


def test_without_a_key_it_is_401_in_their_shape(client: Client, store: None) -> None:
    answer = client.post(BATCH, {}, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (401, 401)


def test_a_store_that_is_down_is_503(tenant: Tenant, api: Api, store_down: None) -> None:
    client = api(tenant)
    for url, body in ((URL, {"event": lago_event()}), (BATCH, {"events": [lago_event()]})):
        answer = client.post(url, body, content_type="application/json")
        assert (answer.status_code, "Retry-After" in answer) == (503, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SOME = st.text() | st.integers() | st.floats() | st.sampled_from(["1e999999999", "agent.tokens"])
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "transaction_id": SOME,
        "external_subscription_id": SOME,
        "code": SOME,
        "timestamp": SOME | JSON,
        "precise_total_amount_cents": SOME | JSON,
        "properties": st.dictionaries(SOME.map(str), SOME | JSON) | JSON,
    },
)


@given(body=JSON | EVENTS.map(lambda event: {"events": [event]}) | EVENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_body_is_a_500(body: object, tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    for url, sent in ((BATCH, body), (URL, {"event": body})):
        text = json.dumps(sent)
        answer = client.post(url, text, content_type="application/json")
        assert answer.status_code in {200, 400, 422}


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp": 1e999999999}',
        '{"timestamp": "1e99999999999999999999"}',
        '{"properties": {"a": 1e99999999999999999999}}',
        '{"properties": {"a": -1}}',
        '{"properties": {"value": 1e999999999}}',
        '{"properties": {"a": "\\ud800"}}',
        '{"transaction_id": "\\ud800"}',
        '{"properties": {"a": ' + "[" * 50_000 + "]" * 50_000 + "}}",
    ],
)
def test_absurd_events_are_refused(text: str, tenant: Tenant, api: Api) -> None:
    body = '{"events": [' + text + "]}"
    answer = api(tenant).post(BATCH, body, content_type="application/json")
    assert answer.status_code in {400, 422}
    answer = api(tenant).post(BATCH, body.encode() + b"\xff", content_type="application/json")
    assert answer.status_code == 400
    bad = b'{"events": [{"code": "a", "properties": {"a": "\xff"}}]}'
    answer = api(tenant).post(BATCH, bad, content_type="application/json")
    assert answer.status_code in {400, 422}
