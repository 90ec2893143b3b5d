"""A call that reports no usage is counted as such, where a tenant can see it, and never billed."""

import json
from collections.abc import Callable
from typing import Any

from django.test import Client

from metering.models import Tenant
from tests.metering.otlp import PROTOBUF, an_id, call, encode, export, make

Api = Callable[[Tenant], Client]
STREAM = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}


def usage(client: Client, query: str = "from=2026-10-01&to=2026-11-01") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/api/v1/usage?{query}").json()["rows"]
    return rows


def test_unmetered_requests_stand_beside_the_others(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    body = encode(export([make(STREAM), make(STREAM), call()]))
    for _ in range(2):
        assert client.post("/v1/traces", body, PROTOBUF).status_code == 200
    failed = {
        "litellm_call_id": "c1",
        "model": "m",
        "status": "failure",
        "endTime": 1_790_899_200.5,  # 2026-10-02T00:00:00.5Z
    }
    absurd = failed | {"litellm_call_id": "c2", "endTime": 1e300}  # as of its receipt
    client.post("/api/v1/litellm", json.dumps([failed, absurd]), "application/json")
    [row] = usage(client)
    assert (row["requests"], row["unmetered_requests"]) == (1, 3)
    # The spans are of the 5th, the failure of the 2nd.
    assert usage(client, "from=2026-10-02&to=2026-10-03")[0]["unmetered_requests"] == 1
    assert usage(client, "from=2026-10-03&to=2026-10-06")[0]["unmetered_requests"] == 2
    assert usage(client, "from=2026-09-01&to=2026-10-01")[0]["unmetered_requests"] == 0
    grouped = usage(client, "from=2026-10-01&to=2026-11-01&group_by=model")
    assert [(row["model"], row["unmetered_requests"]) for row in grouped] == [("m", None)]


def test_what_is_quarantined_for_another_reason_is_not_unmetered(
    tenant: Tenant, api: Api, make_tenant: Callable[..., Tenant]
) -> None:
    client, other = api(tenant), api(make_tenant())
    span = call(attributes={"gen_ai.usage.input_tokens": 5})
    client.post("/v1/traces", encode(export([span])), PROTOBUF)
    other.post("/v1/traces", encode(export([make(STREAM)])), PROTOBUF)
    assert usage(client)[0]["unmetered_requests"] == 0
    assert usage(other)[0]["unmetered_requests"] == 1


def test_a_response_that_is_fetched_again_is_not_a_call(tenant: Tenant, api: Api) -> None:
    """Not even with the usage of the call it fetches, under the same response id."""
    client = api(tenant)
    response = an_id().hex()
    fetched = call(response, attributes={"gen_ai.operation.name": "fetch_response"})
    for spans in ([fetched], [call(response)], [fetched]):
        assert client.post("/v1/traces", encode(export(spans)), PROTOBUF).content == b""
    [row] = usage(client)
    assert (row["requests"], row["unmetered_requests"]) == (1, 0)
    assert (row["input_tokens"], row["output_tokens"]) == (40, 20)


def test_events_of_the_log_that_tell_of_the_same_usage_are_not_billed(
    tenant: Tenant, api: Api
) -> None:
    client = api(tenant)
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "100"}},
    ]
    record = {
        "eventName": "gen_ai.client.inference.operation.details",
        "timeUnixNano": "1791201600000000000",
        "attributes": attributes,
    }
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    answer = client.post("/v1/logs", json.dumps(body), "application/json")
    assert (answer.status_code, answer.json()) == (200, {})
    [row] = usage(client)
    assert (row["requests"], row["unmetered_requests"], row["input_tokens"]) == (0, 0, 0)


def test_meter_events_of_stripe_are_not_taken(
    tenant: Tenant, api: Api, shared: Callable[[str], Any]
) -> None:
    """Nobody promised them: they are refused and not taken for something else."""
    client = api(tenant)
    for meta in (shared("captures") / "stripe-16.1.0-meter-events").glob("*.meta.json"):
        sent = json.loads(meta.read_text())
        [body] = [path for path in meta.parent.glob(f"{meta.name.split('_')[0]}_*") if path != meta]
        kind = {name.lower(): value for name, value in sent["headers"]}["content-type"]
        assert client.post(sent["path"], body.read_bytes(), kind).status_code == 404
    [row] = usage(client)
    assert row["requests"] == 0
