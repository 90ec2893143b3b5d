"""Batches of a thousand events from eight connections, beside the bare driver.

The same rows then go through clickhouse-driver alone, in blocks of 10,000, into an empty copy of
the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from metering.bench.events import BATCH, BATCH_TYPE, batch
from metering.bench.installation import Installation
from metering.bench.load import post, seconds_for
from metering.bench.registry import Progress
from metering.clickhouse.bare_insert import bare_rows_per_second
from metering.usage.event import Event
from metering.usage.event_array import parse_events

CONNECTIONS = 8
BLOCK = 10_000
SOURCE = "bench/batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Events per second over HTTP, rows per second of the bare driver, and their ratio."""

    events: int
    batch: int
    connections: int
    http_events_per_second: float
    bare_rows_per_second: float
    ratio: float


def measure(installation: Installation, key: str, events: int, progress: Progress) -> Batches:
    """All events are new ones. Both in one run, so that their ratio means something."""
    count = events // BATCH
    requests = [
        post("/api/v1/events", key, BATCH_TYPE, batch(number, SOURCE)) for number in range(count)
    ]
    seconds = seconds_for(
        installation.port,
        CONNECTIONS,
        iter(requests),
        lambda: progress("batches", BATCH, count * BATCH),
    )
    bare = bare_rows_per_second(installation.data_dir / "clickhouse", list(_parsed(count)), BLOCK)
    http = count * BATCH / seconds
    return Batches(
        events=count * BATCH,
        batch=BATCH,
        connections=CONNECTIONS,
        http_events_per_second=round(http, 1),
        bare_rows_per_second=round(bare, 1),
        ratio=round(http / bare, 3),
    )


def _parsed(count: int) -> Iterator[Event]:
    now = datetime.now(UTC)
    for number in range(count):
        yield from parse_events(batch(number, SOURCE), now) or ()
