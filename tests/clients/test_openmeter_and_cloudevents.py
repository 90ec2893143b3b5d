"""OpenMeter's and CloudEvents' public Python clients, unchanged, against the running product."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent
from corehttp.exceptions import ClientAuthenticationError, HttpResponseError
from openmeter import Client as OpenMeter
from pytest_django.live_server_helper import LiveServer

from metering import queries
from metering.api_keys import create_api_key
from metering.models import Tenant
from metering.usage.period import month_period

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The test server answers each connection in a thread that drops its link to the store.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

OCTOBER = month_period("2026-10", "UTC")


def tokens(number: int, **data: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "source": "collector 1",
        "specversion": "1.0",
        "type": "agent.tokens",
        "subject": "ada",
        "time": "2026-10-05T12:00:00Z",
        "data": {"model": "gpt-4o", "input_tokens": 100} | data,
    }


@pytest.fixture
def openmeter(live_server: LiveServer) -> Callable[[str], Any]:
    return lambda key: OpenMeter(endpoint=live_server.url, token=key)


@pytest.fixture
def post(live_server: LiveServer, tenant: Tenant) -> Iterator[Callable[..., httpx.Response]]:
    headers = {"Authorization": f"Bearer {create_api_key(tenant)}"}
    with httpx.Client(base_url=live_server.url, headers=headers) as client:
        yield lambda headers, body: client.post("/api/v1/events", content=body, headers=headers)


def used(tenant: Tenant) -> tuple[int, int]:
    [row] = queries.usage(tenant, OCTOBER)
    return row.requests, row.input_tokens


def test_openmeter_single_and_batch(tenant: Tenant, openmeter: Callable[[str], Any]) -> None:
    # It raises on any other status than 204.
    with openmeter(create_api_key(tenant)) as client:
        for _ in range(2):
            client.events.ingest_event(tokens(1))
        client.events.ingest_events([tokens(n) for n in range(1, 4)])
        client.events.ingest_events_json([tokens(4), tokens(5)])
        with pytest.raises(HttpResponseError):
            client.events.ingest_event(tokens(6, inputTokens=1))
    with openmeter("wrong") as client, pytest.raises(ClientAuthenticationError):
        client.events.ingest_event(tokens(7))
    assert used(tenant) == (5, 500)


def test_cloudevents_structured_and_binary(
    tenant: Tenant, post: Callable[..., httpx.Response]
) -> None:
    for number, convert in enumerate((to_structured, to_binary)):
        attributes = tokens(number)
        data = attributes.pop("data")
        event = CloudEvent(attributes | {"datacontenttype": "application/json"}, data)
        headers, body = convert(event)
        for _ in range(2):
            assert post(headers, body).status_code == 204
    assert used(tenant) == (2, 200)


@pytest.mark.parametrize("client", ["openmeter-1.0.0b236", "cloudevents-2.2.0"])
def test_what_was_captured_of_other_versions(
    client: str,
    tenant: Tenant,
    post: Callable[..., httpx.Response],
    shared: Callable[[str], Path],
) -> None:
    """Their types are none of ours: each is read whole, and refused by the name of its type."""
    recorded = sorted((shared("captures") / client).glob("*.meta.json"))
    assert recorded
    for meta in recorded:
        request = json.loads(meta.read_text())
        headers = {
            name: value
            for name, value in request["headers"]
            if name.lower().startswith(("content-type", "ce-"))
        }
        answer = post(headers, (meta.parent / request["body_file"]).read_bytes())
        assert answer.status_code == 400
        details = [rejected["detail"] for rejected in answer.json()["rejected"]]
        assert details
        assert all(detail.startswith("type: ") for detail in details)
