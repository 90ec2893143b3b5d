"""Bodies as they come over HTTP, packed and damaged; every request ends in a plain answer."""

import gzip
import itertools
import json
import sys
from collections.abc import Callable

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.collectors.cloudevents import BATCH, JSON, NDJSON, STRUCTURED
from metering.collectors.otlp import PROTOBUF
from metering.models import Tenant
from metering.request_body import BodyTooLarge, BodyUnreadable, UnknownEncoding, read_body
from tests.fuzz import good
from tests.fuzz.conftest import EXAMPLES, fuzzed
from tests.fuzz.hostile import damaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMIT = 5_000
PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}
encodings = st.sampled_from(sorted(PACK))


def request(body: bytes, encoding: str) -> HttpRequest:
    headers = {"Content-Encoding": encoding}
    return RequestFactory().post("/", body, content_type=JSON, headers=headers)


@fuzzed
@given(st.binary(max_size=60), st.integers(1, 200), encodings)
def test_what_was_packed_comes_out_or_is_too_large(part: bytes, times: int, encoding: str) -> None:
    body = part * times
    packed = PACK[encoding](body)
    try:
        assert read_body(request(packed, encoding), LIMIT) == body
    except BodyTooLarge:
        assert max(len(body), len(packed)) > LIMIT


_GOOD = good.EVENT_BODIES[1]
_BOMB = b"0" * 1_000_000


@fuzzed
@given(
    damaged(
        *(PACK[name](body) for name in ("gzip", "zstd") for body in (_GOOD, _BOMB)),
        gzip.compress(_GOOD) * 2,
        zstd.compress(_GOOD) * 2,
    ),
    encodings | st.sampled_from(["br", "gzip, gzip", "GZIP", ""]),
)
def test_a_damaged_body_is_read_or_refused_by_name(body: bytes, encoding: str) -> None:
    try:
        assert len(read_body(request(body, encoding), LIMIT)) <= LIMIT
    except (BodyTooLarge, BodyUnreadable):
        pass
    except UnknownEncoding:
        assert encoding in {"br", "gzip, gzip"}


ENDPOINTS: list[tuple[str, list[str], list[bytes]]] = [
    (
        "/api/v1/events",
        [STRUCTURED, BATCH, JSON, *NDJSON, "text/plain"],
        [*good.EVENT_BODIES, b"[" + b",".join(good.EVENT_BODIES) + b"]", *good.LAGO],
    ),
    ("/api/v1/events/batch", [JSON], good.LAGO_BATCH),
    ("/api/v1/litellm", [JSON], good.LITELLM),
    ("/v1/traces", [PROTOBUF, JSON], [*good.OTLP_PROTOBUF, *good.OTLP_JSON]),
    ("/v1/logs", [PROTOBUF, JSON], [*good.OTLP_PROTOBUF, *good.OTLP_JSON]),
]


@pytest.mark.parametrize(("path", "kinds", "bodies"), ENDPOINTS, ids=lambda case: str(case)[:20])
def test_every_request_ends_in_a_plain_answer(
    tenant: Tenant,
    api: Callable[[Tenant], Client],
    path: str,
    kinds: list[str],
    bodies: list[bytes],
) -> None:
    client = api(tenant)

    @settings(fuzzed, max_examples=EXAMPLES // 5 or 25)
    @given(damaged(*bodies), st.sampled_from(kinds), encodings, st.booleans())
    def law(body: bytes, kind: str, encoding: str, packed: bool) -> None:
        sent = PACK[encoding](body) if packed else body
        headers = {"Content-Encoding": encoding, "Prefer": "return=representation"}
        answer = client.post(path, sent, content_type=kind, headers=headers)
        assert answer.status_code in {200, 400, 413, 415, 422}, answer.content
        if b'"accepted"' in answer.content:
            told = json.loads(answer.content)
            places = [rejected["index"] for rejected in told["rejected"]]
            assert places == sorted(set(places))

    law()


def test_each_event_of_a_request_is_counted_once(
    tenant: Tenant, api: Callable[[Tenant], Client]
) -> None:
    """accepted + duplicates + rejected = received, whatever the events."""
    client = api(tenant)
    sources = itertools.count()

    @settings(fuzzed, max_examples=EXAMPLES // 5 or 15)
    @given(st.lists(damaged(*good.EVENT_BODIES).map(_one_line), max_size=6))
    def law(events: list[bytes]) -> None:
        own = b'"source": "%d"' % next(sources)
        lines = [event.replace(b'"source": "s"', own) for event in events if event.strip()]
        lines.append(b"{}")  # a request without a body would bear no type
        headers = {"Prefer": "return=representation"}
        answer = client.post(
            "/api/v1/events", b"\n".join(lines), content_type=NDJSON[0], headers=headers
        )
        told = answer.json()
        assert "accepted" in told, told
        assert told["accepted"] + told["duplicates"] + len(told["rejected"]) == len(lines)
        assert answer.status_code == (400 if told["rejected"] else 200)

    law()


def _one_line(event: bytes) -> bytes:
    return b" ".join(event.splitlines())
