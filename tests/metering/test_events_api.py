"""`POST /api/v1/events`: what is taken, in which shapes, and what is answered."""

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from metering import queries
from metering.api_keys import create_api_key, find_api_key, revoke_api_key
from metering.models import ApiKey, Tenant
from metering.usage.period import month_period
from tests.conftest import Events

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

URL = "/api/v1/events"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = "application/json"
NDJSON = "application/x-ndjson"
OCTOBER = month_period("2026-10", "UTC")
AT = "2026-10-05T12:00:00Z"

Api = Callable[[Tenant], Client]


def post(client: Client, body: Any, kind: str = JSON, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(URL, raw, content_type=kind, headers=names)


def requests_of(tenant: Tenant) -> int:
    [row] = queries.usage(tenant, OCTOBER)
    return row.requests


def lines(events: Iterable[Any]) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


def test_every_shape_of_a_body_is_stored(tenant: Tenant, event: Events, api: Api) -> None:
    client = api(tenant)
    one, two, three = ([event.tokens(AT), event.tokens(AT)] for _ in range(3))
    answers = [
        post(client, event.tokens(AT), STRUCTURED),
        post(client, event.tokens(AT), f"{STRUCTURED}; charset=UTF-8"),
        post(client, event.tokens(AT)),
        post(client, one, BATCH),
        post(client, two),
        post(client, lines(three) + b"\n\n", NDJSON),
        post(client, lines([event.tokens(AT)]), "application/jsonl"),
        post(client, gzip.compress(json.dumps(event.tokens(AT)).encode()), Content_Encoding="gzip"),
        post(client, zstd.compress(json.dumps(event.tokens(AT)).encode()), Content_Encoding="zstd"),
        post(
            client,
            {"model": "m", "input_tokens": 5},
            ce_specversion="1.0",
            ce_id="%C3%A9%201",
            ce_source="binary",
            ce_type="agent.tokens",
            ce_subject="ada",
            ce_time=AT,
        ),
    ]
    assert [(a.status_code, a.content) for a in answers] == [(204, b"")] * len(answers)
    # 1 + 1 + 1 + 2 + 2 + 2 + 1 + 1 + 1 + 1
    assert requests_of(tenant) == 13
    rows = queries.usage(tenant, OCTOBER, ("source",))
    assert [(row.group, row.requests, row.input_tokens) for row in rows] == [
        ({"source": "binary"}, 1, 5),
        ({"source": "test"}, 12, 0),
    ]


def test_a_body_in_pieces_without_a_length_is_stored(
    tenant: Tenant, event: Events, api: Api
) -> None:
    body = gzip.compress(json.dumps([event.tokens(AT) for _ in range(50)]).encode())
    client = api(tenant)
    request: dict[str, Any] = {
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "CONTENT_TYPE": JSON,
    }
    answer = client.generic("POST", URL, headers={"Content-Encoding": "gzip"}, **request)
    assert answer.status_code == 204
    assert requests_of(tenant) == 50


def test_what_is_empty_is_no_error(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    assert post(client, [], BATCH).status_code == 204
    assert post(client, []).status_code == 204
    assert post(client, b"\r\n\n", NDJSON).status_code == 204


def test_prefer_asks_for_a_report(tenant: Tenant, event: Events, api: Api) -> None:
    client = api(tenant)
    events = [event.tokens(AT), event.tokens(AT)]
    assert post(client, events[:1]).status_code == 204
    answer = post(client, events, Prefer="return=representation")
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 1, "duplicates": 1, "conflicts": 0, "rejected": []}
    assert post(client, events, Prefer="return=minimal").status_code == 204


def test_the_valid_ones_are_stored_and_the_others_kept(
    tenant: Tenant, event: Events, api: Api
) -> None:
    client = api(tenant)
    good, again = event.tokens(AT), event.tokens(AT)
    post(client, again)
    misspelt = event.tokens(AT, inputTokens=5)
    nan = json.dumps(event.tokens(AT, input_tokens=float("nan")))
    body = f"[{json.dumps(good)}, {json.dumps(misspelt)},\n {nan} ,{json.dumps(again)}]".encode()
    answer = post(client, body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["accepted"], problem["duplicates"], problem["status"]) == (1, 1, 400)
    assert problem["rejected"] == [
        {
            "index": 1,
            "id": misspelt["id"],
            "detail": "data.inputTokens: is not a field of this type",
        },
        {
            "index": 2,
            "id": json.loads(nan)["id"],
            "detail": "data.input_tokens: must be a number, not NaN or Infinity",
        },
    ]
    assert requests_of(tenant) == 2
    kept = {row.id: row for row in queries.quarantined(tenant, 10)}
    assert kept.keys() == {misspelt["id"], json.loads(nan)["id"]}
    assert kept[json.loads(nan)["id"]].body == nan
    assert kept[misspelt["id"]].source == "test"
    assert json.loads(kept[misspelt["id"]].body) == misspelt


def test_nan_in_one_line_rejects_that_line(tenant: Tenant, event: Events, api: Api) -> None:
    events = [event.tokens(AT), event("custom.x", AT, value=float("nan")), event.tokens(AT)]
    answer = post(api(tenant), lines(events), NDJSON)
    assert answer.status_code == 400
    assert [rejected["index"] for rejected in answer.json()["rejected"]] == [1]
    assert requests_of(tenant) == 2


UNREADABLE = {
    "nothing": (b" ", JSON),
    "a number": (b"5", JSON),
    "half an object": (b'{"id":', JSON),
    "half an array": (b'[{"id": "1"}', JSON),
    "an array that goes on": (b"[NaN] [", JSON),
    "two objects": (b"[{} {}]", JSON),
    "no text": (b"[\xff]", JSON),
    "arrays in arrays": (b"[" * 100_000, JSON),
    "an object as a batch": (b"{}", BATCH),
    "an array as one event": (b"[]", STRUCTURED),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_without_events_in_it_is_refused_whole(name: str, tenant: Tenant, api: Api) -> None:
    answer = post(api(tenant), *UNREADABLE[name])
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert "rejected" not in answer.json()


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data"])
def test_other_kinds_are_415(kind: str, tenant: Tenant, api: Api) -> None:
    assert post(api(tenant), b"{}", kind).status_code == 415


def test_other_encodings_are_415(tenant: Tenant, api: Api) -> None:
    assert post(api(tenant), b"{}", Content_Encoding="br").status_code == 415


def test_gzip_is_read_to_its_end(tenant: Tenant, event: Events, api: Api) -> None:
    client = api(tenant)
    first, second = lines([event.tokens(AT)]), lines([event.tokens(AT)])
    two_members = gzip.compress(first + b"\n") + gzip.compress(second)
    assert post(client, two_members, NDJSON, Content_Encoding="gzip").status_code == 204
    assert requests_of(tenant) == 2

    third = gzip.compress(lines([event.tokens(AT)]))
    for damaged in (third[:-1], third[:20], third + b"x", zlib.compress(first), b"", first):
        answer = post(client, damaged, NDJSON, Content_Encoding="gzip")
        assert answer.status_code == 400
    assert requests_of(tenant) == 2


def test_too_much_is_413(tenant: Tenant, event: Events, api: Api, settings: Settings) -> None:
    client = api(tenant)
    settings.INGEST_MAX_BODY_BYTES = 10_000
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 10_000
    assert post(client, bomb, Content_Encoding="gzip").status_code == 413
    assert post(client, b" " * 10_001).status_code == 413
    body = json.dumps(event.tokens(AT)).encode()
    assert post(client, body + b" " * (10_000 - len(body))).status_code == 204


def test_only_a_live_key_opens_the_door(tenant: Tenant, event: Events, client: Client) -> None:
    key = create_api_key(tenant)
    revoked = create_api_key(tenant)
    api_key = find_api_key(revoked)
    assert api_key
    revoke_api_key(api_key)
    basic = base64.b64encode(f"anyone:{key}".encode()).decode()
    for header in ("", "Bearer", f"Bearer {key}x", f"Bearer {revoked}", key, "Basic !", "Basic"):
        answer = post(client, event.tokens(AT), Authorization=header)
        assert (answer.status_code, "Bearer" in answer["WWW-Authenticate"]) == (401, True)
    assert post(client, event.tokens(AT)).status_code == 401
    for header in (f"Bearer {key}", f"bearer {key}", f"Basic {basic}"):
        assert post(client, event.tokens(AT), Authorization=header).status_code == 204
    assert requests_of(tenant) == 3


def test_a_key_does_what_its_scope_says(tenant: Tenant, event: Events, client: Client) -> None:
    read = f"Bearer {create_api_key(tenant, [ApiKey.READ])}"
    ingest = f"Bearer {create_api_key(tenant, [ApiKey.INGEST])}"
    assert post(client, event.tokens(AT), Authorization=read).status_code == 403
    assert post(client, event.tokens(AT), Authorization=ingest).status_code == 204
    assert client.get("/api/v1/daa", headers={"Authorization": ingest}).status_code == 403
    assert client.get("/api/v1/daa", headers={"Authorization": read}).status_code == 200
    assert client.get("/api/v1/daa").status_code == 401


def test_a_key_is_not_stored(tenant: Tenant) -> None:
    key = create_api_key(tenant)
    [stored] = ApiKey.objects.filter(tenant=tenant).values()
    assert not any(key in str(value) for value in stored.values())


def test_a_store_that_is_down_is_503(
    tenant: Tenant, event: Events, api: Api, store_down: None
) -> None:
    client = api(tenant)
    answer = post(client, event.tokens(AT))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"] == "application/problem+json"
    for path in ("/api/v1/daa", "/api/v1/quarantine"):
        answer = client.get(path)
        assert (answer.status_code, int(answer["Retry-After"]) > 0) == (503, True)
    health = client.get("/healthz")
    assert (health.status_code, health.json()) == (503, {"database": "ok", "event_store": "down"})


def test_health_is_200_when_all_answers(store: None, client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "event_store": "ok"})


CAPTURES = {
    "openmeter-1.0.0b236": 3,
    "cloudevents-2.2.0": 2,
}


@pytest.mark.parametrize("client_name", CAPTURES)
def test_what_real_clients_send_is_read_as_events(
    client_name: str, tenant: Tenant, api: Api, shared: Callable[[str], Path]
) -> None:
    """Their events are of types of their own, so each is kept aside, and its type is why."""
    metas = sorted((shared("captures") / client_name).glob("*.meta.json"))
    assert len(metas) == CAPTURES[client_name]
    events = 0
    for path in metas:
        meta = json.loads(path.read_text())
        headers = {name: v for name, v in meta["headers"] if name.lower().startswith("ce-")}
        kind = next(v for name, v in meta["headers"] if name.lower() == "content-type")
        body = (path.parent / meta["body_file"]).read_bytes()
        answer = api(tenant).post(URL, body, content_type=kind, headers=headers)
        assert answer.status_code == 400
        rejected = answer.json()["rejected"]
        assert all(item["detail"].startswith("type: ") and item["id"] for item in rejected)
        events += len(rejected)
    assert len(queries.quarantined(tenant, 100)) == events


def test_what_cannot_be_read_at_all_is_kept_too(tenant: Tenant, api: Api) -> None:
    odd = [b'{"id": "\xff"}', b'{"id": "\\ud800"}', b"NaN", b'{"id": "' + b"9" * 5000 + b'"}']
    answer = post(api(tenant), b"\n".join(odd), NDJSON)
    assert answer.status_code == 400
    assert [item["id"] for item in answer.json()["rejected"]] == ["", "?", "", "9" * 512]
    page = api(tenant).get("/api/v1/quarantine")
    assert page.status_code == 200
    bodies = {row["body"] for row in page.json()["rows"]}
    assert bodies == {body.decode(errors="replace") for body in odd}


def test_the_quarantine_is_read_a_page_at_a_time(tenant: Tenant, event: Events, api: Api) -> None:
    client = api(tenant)
    wrong = [event.tokens(AT, inputTokens=n) for n in range(205)]
    post(client, wrong)
    post(client, wrong[:50])  # the same bytes are the same entry
    url: str | None = "/api/v1/quarantine"
    pages = []
    while url:
        page = client.get(url).json()
        pages.append([row["id"] for row in page["rows"]])
        url = page["next"]
    assert [len(page) for page in pages] == [100, 100, 5]
    assert {row for page in pages for row in page} == {item["id"] for item in wrong}
    assert client.get("/api/v1/quarantine?after=x").status_code == 400
