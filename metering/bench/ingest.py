"""How fast events come in over HTTP, beside the bare driver writing the same rows.

Batches of 1,000 events from several connections, all new, against a running installation; then the
same rows through clickhouse-driver alone, in blocks of 10,000, into an empty copy of the table.
Both in one run, on one machine, so that their ratio means something where neither number does.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import msgspec

from metering.bench.installation import BenchError, Installation
from metering.clickhouse.bare_insert import bare_rows_per_second
from metering.usage.event import parse_event

BATCH = 1_000
CONNECTIONS = 8
BLOCK = 10_000
_START = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """Events per second over HTTP, rows per second of the bare driver, and their ratio."""

    events: int
    batch: int
    connections: int
    http_events_per_second: float
    bare_rows_per_second: float
    ratio: float


def bench_ingest(
    installation: Installation, events: int, progress: Callable[[int], None]
) -> IngestResult:
    """Measure both; `progress` hears how many events were answered since it last heard."""
    bodies = [_batch(number) for number in range(events // BATCH)]
    key = installation.make_key("bench")
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        lanes = [bodies[lane::CONNECTIONS] for lane in range(CONNECTIONS)]
        for future in [
            pool.submit(_send, installation.port, key, lane, progress) for lane in lanes
        ]:
            future.result()
    http = len(bodies) * BATCH / (time.perf_counter() - begun)
    now = datetime.now(UTC)
    parsed = [
        parse_event(raw, now)
        for body in bodies
        for raw in msgspec.json.decode(body, type=list[msgspec.Raw])
    ]
    bare = bare_rows_per_second(installation.data_dir / "clickhouse", parsed, BLOCK)
    return IngestResult(
        events=len(parsed),
        batch=BATCH,
        connections=CONNECTIONS,
        http_events_per_second=round(http, 1),
        bare_rows_per_second=round(bare, 1),
        ratio=round(http / bare, 3),
    )


def _send(port: int, key: str, bodies: list[bytes], progress: Callable[[int], None]) -> None:
    """One connection: a batch after the other, each answered before the next is sent."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    web = HTTPConnection("127.0.0.1", port, timeout=120)
    for body in bodies:
        web.request("POST", "/api/v1/events", body, headers)
        answer = web.getresponse()
        text = answer.read()
        if answer.status != 204:
            raise BenchError(f"a batch was answered {answer.status}: {text[:200].decode()}")
        progress(BATCH)
    web.close()


def _batch(number: int) -> bytes:
    return msgspec.json.encode([_event(number * BATCH + place) for place in range(BATCH)])


def _event(number: int) -> dict[str, object]:
    """A model call as an agent platform would report it."""
    return {
        "specversion": "1.0",
        "id": f"call-{number:012}",
        "source": "bench/collector",
        "type": "agent.tokens",
        "subject": f"agent-{number % 500:03}",
        "time": _START + timedelta(milliseconds=37 * number),
        "data": {
            "task": f"task-{number // 4}",
            "provider": "anthropic",
            "model": "claude-sonnet",
            "input_tokens": number % 4000,
            "cache_read_tokens": number % 9000,
            "output_tokens": number % 700,
            "duration_ms": number % 5000,
            "labels": {"team": f"team-{number % 12}"},
        },
    }
