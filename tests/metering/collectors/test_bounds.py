"""A request with more events than it may hold is refused before it is taken apart."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.collectors import bounds, otlp_bounds
from metering.models import Tenant
from tests.conftest import Events
from tests.metering import otlp

Api = Callable[[Tenant], Client]
AT = "2026-10-05T12:00:00Z"
NDJSON = "application/x-ndjson"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten events at the most."""
    for module in ("bounds", "cloudevents"):
        monkeypatch.setattr(f"metering.collectors.{module}.MOST_EVENTS", 10)


def bodies(event: dict[str, Any], number: int) -> list[tuple[str, bytes]]:
    """As many events, as an array and as lines."""
    events = [json.dumps(event | {"id": str(n)}).encode() for n in range(number)]
    return [("application/json", b"[" + b",".join(events) + b"]"), (NDJSON, b"\r\n".join(events))]


def test_as_many_as_may_be_are_taken_and_one_more_is_413(
    tenant: Tenant, api: Api, event: Events
) -> None:
    client = api(tenant)
    one = event.tokens(AT, prefix_blocks=[1] * 50, block_tokens=1)
    for kind, body in bodies(one, 10):
        assert client.post("/api/v1/events", body, content_type=kind).status_code == 204
    for kind, body in bodies(one, 12):
        answer = client.post("/api/v1/events", body, content_type=kind)
        assert (answer.status_code, answer.json()["title"]) == (413, "Content Too Large")
        assert "more than 10 events" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "kind", "body", "status"),
    [
        ("/api/v1/events", "application/json", b"[" + b"1," * 50 + b"1]", 400),
        ("/api/v1/events", "application/json", b"[" + b"{}," * 50 + b"{}]", 413),
        ("/api/v1/events", "application/json", b"[" + b"NaN," * 50 + b"NaN]", 413),
        ("/api/v1/events", NDJSON, b"1\n" * 50, 413),
        ("/api/v1/events", NDJSON, b"\r" * 50, 413),
        ("/api/v1/litellm", "application/json", b"[" + b"1," * 50 + b"1]", 400),
        ("/api/v1/litellm", "application/json", b"[" + b"{}," * 50 + b"{}]", 413),
        ("/api/v1/litellm", NDJSON, b"1\n" * 50, 413),
        ("/api/v1/events/batch", "application/json", b'{"events":[' + b"1," * 50 + b"1]}", 400),
        ("/api/v1/events/batch", "application/json", b'{"events":[' + b"{}," * 50 + b"{}]}", 422),
    ],
)
def test_what_is_many_and_small_is_refused_whole(
    tenant: Tenant, api: Api, path: str, kind: str, body: bytes, status: int
) -> None:
    client = api(tenant)
    assert client.post(path, body, content_type=kind).status_code == status
    assert client.get("/api/v1/quarantine").json()["rows"] == []


def test_what_is_no_json_is_left_to_its_decoder() -> None:
    for text in (b"[" * 10_000, b'["\xff",' * 20, b"[1,,,,,,,,,,,,,,,,", b""):
        try:
            bounds.check_array(text)
        except bounds.NotObjects:
            assert text.startswith((b"[[", b'["', b"[1"))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any export is large enough to be looked through."""
    monkeypatch.setattr("metering.collectors.otlp_bounds.SMALL_BYTES", 0)
    monkeypatch.setattr("metering.collectors.otlp_bounds.MOST_EVENTS", 10)


@pytest.mark.parametrize("kind", [otlp.PROTOBUF, otlp.JSON])
def test_an_export_holds_so_many_spans_and_no_more(
    tenant: Tenant, api: Api, kind: str, large: None
) -> None:
    client = api(tenant)
    for number, status in ((10, 200), (11, 413)):
        body = otlp.encode(otlp.export([otlp.call() for _ in range(number)]), kind)
        assert client.post("/v1/traces", body, content_type=kind).status_code == status


@pytest.mark.parametrize("kind", [otlp.PROTOBUF, otlp.JSON])
def test_an_export_holds_so_many_fields_and_no_more(
    tenant: Tenant, api: Api, kind: str, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = otlp.encode(otlp.export([otlp.call()]), kind)
    for most, status in ((1000, 200), (10, 413)):
        monkeypatch.setattr("metering.collectors.otlp_bounds.MOST_FIELDS", most)
        answer = api(tenant).post("/v1/traces", body, content_type=kind)
        assert answer.status_code == status
    assert b"more than 10 fields" in answer.content


def test_what_is_no_export_is_left_to_its_decoder(large: None) -> None:
    for body in (b"", b"\n", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x09", b"\x0d\x01"):
        otlp_bounds.check_protobuf(body)
        otlp_bounds.check_json(body)


def test_a_name_of_any_length_is_not_answered_in_full(tenant: Tenant, api: Api) -> None:
    body = b'{"id": ' + b"1" * 100_000 + b"}"
    answer = api(tenant).post("/api/v1/events", body, content_type="application/json")
    assert answer.json()["rejected"][0]["id"] == "1" * 512
    assert len(answer.content) < 2_000
