"""Lago's public Python client, unchanged, against the running product."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import BatchEvent, Event
from pytest_django.live_server_helper import LiveServer

from metering import queries
from metering.api_keys import create_api_key
from metering.models import Tenant
from metering.usage.period import range_period

Lago = Callable[[Tenant], Client]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The test server answers each connection in a thread that drops its link to the store.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def lago(live_server: LiveServer) -> Lago:
    return lambda tenant: Client(api_key=create_api_key(tenant), api_url=live_server.url)


def lago_event(number: int, **fields: Any) -> Event:
    given = {
        "transaction_id": f"tx-{number}",
        "external_subscription_id": "sub_acme",
        "code": "llm_tokens",
        "timestamp": 1_767_225_600 + number,
        "precise_total_amount_cents": None,
        "properties": {"value": "5", "model": "gpt-4o-mini"},
    }
    return Event(**{**given, **fields})


def stored(tenant: Tenant) -> dict[str, int]:
    period = range_period(date(2026, 1, 1), date(2026, 2, 1), "UTC")
    return dict(queries.usage_types(tenant, period))


def test_a_single_event(tenant: Tenant, lago: Lago) -> None:
    client = lago(tenant)
    for _ in range(2):
        answer = client.events.create(lago_event(1, timestamp="1767225600.123"))
        assert answer is not None
        assert answer.transaction_id == "tx-1"
        assert answer.timestamp == "2026-01-01T00:00:00.123000Z"
        assert answer.properties == {"value": "5", "model": "gpt-4o-mini"}
    tokens = {"model": "m", "input_tokens": 7, "agent_id": "ada"}
    client.events.create(lago_event(2, code="agent.tokens", properties=tokens))
    assert stored(tenant) == {"custom.llm_tokens": 1, "agent.tokens": 1}


def test_a_batch(tenant: Tenant, lago: Lago) -> None:
    client = lago(tenant)
    client.events.batch_create(BatchEvent(events=[lago_event(n) for n in range(100)]))
    assert stored(tenant) == {"custom.llm_tokens": 100}
    with pytest.raises(LagoApiError) as error:
        client.events.batch_create(BatchEvent(events=[lago_event(n) for n in range(101)]))
    assert error.value.status_code == 422
    assert error.value.response["error_details"] == {"events": ["too_many_events"]}


def test_what_is_wrong_arrives_at_the_caller(tenant: Tenant, lago: Lago) -> None:
    client = lago(tenant)
    with pytest.raises(LagoApiError) as error:
        client.events.create(lago_event(1, properties={"value": "many"}))
    assert error.value.status_code == 422
    assert list(error.value.response["error_details"]) == ["properties.value"]
    stranger = Client(api_key="wrong", api_url=client.api_url)
    with pytest.raises(LagoApiError) as error:
        stranger.events.batch_create(BatchEvent(events=[lago_event(1)]))
    assert error.value.status_code == 401


def test_what_was_captured(
    tenant: Tenant, live_server: LiveServer, shared: Callable[[str], Path]
) -> None:
    recorded = sorted((shared("captures") / "lago-1.55.0").glob("*.meta.json"))
    key = create_api_key(tenant)
    for meta in recorded:
        request = json.loads(meta.read_text())
        answer = httpx.post(
            live_server.url + request["path"],
            content=(meta.parent / request["body_file"]).read_bytes(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 200
    # 1 + 3 events; 3 numbers in the first, the amount and `tokens` in each of the others
    assert stored(tenant) == {
        "custom.llm_tokens": 4,
        "custom.llm_tokens.cached_tokens": 1,
        "custom.llm_tokens.input_tokens": 1,
        "custom.llm_tokens.output_tokens": 1,
        "custom.llm_tokens.precise_total_amount_cents": 3,
        "custom.llm_tokens.tokens": 3,
    }
