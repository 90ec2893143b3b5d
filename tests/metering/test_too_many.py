"""429 with Retry-After for a tenant that floods, in each format's own words; others are served."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from metering.clickhouse import connection
from metering.clickhouse.commit import Committed, commit_events
from metering.clickhouse.event_columns import Numbered
from metering.group_commit import GroupCommit
from metering.models import ApiKey, Tenant
from tests.conftest import Events
from tests.metering import otlp

AT = "2026-10-05T12:00:00Z"
Post = Callable[[str, str, bytes, str], HttpResponse]


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch, alice: Tenant, bob: Tenant) -> Post:
    """Send as a tenant: `post(slug, path, body, kind)`, from any thread."""
    # Another thread's connection sees nothing of a test's transaction.
    keys = {t.slug: ApiKey(tenant=t, scopes=[ApiKey.INGEST]) for t in (alice, bob)}
    monkeypatch.setattr("metering.ingest_view.find_api_key", keys.get)

    def send(slug: str, path: str, body: bytes, kind: str) -> Any:
        client = Client(headers={"Authorization": f"Bearer {slug}"})
        return client.post(path, body, content_type=kind)

    return send


@pytest.fixture
def alice(make_tenant: Callable[..., Tenant]) -> Tenant:
    return make_tenant()


@pytest.fixture
def bob(make_tenant: Callable[..., Tenant]) -> Tenant:
    return make_tenant()


def _in_a_thread(post: Post, *request: Any) -> HttpResponse:
    try:
        return post(*request)
    finally:
        connection.disconnect()  # each thread has one of its own
        connections.close_all()


@pytest.fixture
def flooded(
    monkeypatch: pytest.MonkeyPatch, alice: Tenant, post: Post, event: Events
) -> Iterator[Callable[[], None]]:
    """Two events of alice wait, of the two that may, until what this gives is called."""
    monkeypatch.setattr("metering.group_commit.MOST_EVENTS_OF_A_TENANT", 2)
    begun, go_on = threading.Event(), threading.Event()

    def commit(tenant: int, events: Sequence[Numbered]) -> Committed:
        if tenant == alice.id and not go_on.is_set():
            begun.set()
            assert go_on.wait(20)
        return commit_events(tenant, events)

    monkeypatch.setattr("metering.ingest.committer", GroupCommit(commit))
    body = json.dumps([event.tokens(AT), event.tokens(AT)]).encode()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            _in_a_thread, post, alice.slug, "/api/v1/events", body, "application/json"
        )
        assert begun.wait(20)

        def drain() -> None:
            go_on.set()
            assert first.result(20).status_code == 204

        yield drain
        drain()


def test_others_are_served_meanwhile_and_the_same_request_is_taken_afterwards(
    alice: Tenant, bob: Tenant, post: Post, flooded: Callable[[], None], event: Events
) -> None:
    one = json.dumps(event.tokens(AT)).encode()
    again = (alice.slug, "/api/v1/events", one, "application/json")
    refused = post(*again)
    assert (refused.status_code, refused["Retry-After"]) == (429, "2")
    assert refused["Content-Type"] == "application/problem+json"
    assert "2 events of this tenant wait" in json.loads(refused.content)["detail"]
    assert post(bob.slug, *again[1:]).status_code == 204
    flooded()
    assert post(*again).status_code == 204


def test_each_format_is_told_in_its_own_words(
    alice: Tenant, post: Post, flooded: Callable[[], None]
) -> None:
    lago = {"transaction_id": "t", "external_subscription_id": "s", "code": "c"}
    payload = {"litellm_call_id": "c", "model": "m", "prompt_tokens": 1, "completion_tokens": 1}
    for path, body, word in (
        ("/api/v1/events", {"event": lago}, "title"),
        ("/api/v1/events/batch", {"events": [lago]}, "error"),
        ("/api/v1/litellm", [payload], "title"),
    ):
        answer = post(alice.slug, path, json.dumps(body).encode(), "application/json")
        assert (answer.status_code, answer["Retry-After"]) == (429, "2"), path
        assert json.loads(answer.content)[word] == "Too Many Requests"


@pytest.mark.parametrize("kind", [otlp.PROTOBUF, otlp.JSON])
def test_an_exporter_is_told_as_its_specification_says(
    alice: Tenant, post: Post, flooded: Callable[[], None], kind: str
) -> None:
    """google.rpc.Status, RESOURCE_EXHAUSTED (8), in the content type of the request."""
    body = otlp.encode(otlp.export([otlp.call()]), kind)
    answer = post(alice.slug, "/v1/traces", body, kind)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert answer["Content-Type"] == kind
    status = (
        json.loads(answer.content)
        if kind == otlp.JSON
        else MessageToDict(Status.FromString(answer.content))
    )
    assert status["code"] == 8
    assert "2 events of this tenant wait" in status["message"]
    flooded()
    assert post(alice.slug, "/v1/traces", body, kind).status_code == 200
