"""How long after its 204 an event is in `GET /api/v1/usage`, while batches come in beside it."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import msgspec

from metering.bench.events import BATCH_TYPE, SINGLE_TYPE, batch, single
from metering.bench.installation import BenchError, Installation
from metering.bench.load import post, seconds_for
from metering.bench.registry import Progress

LANES = 2
SOURCE = "bench/visible"
_USAGE = "/api/v1/usage?from=2026-10-01&to=2026-11-01"
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """Milliseconds from the 204 to the answer that counts the event; no rollup was asked for."""

    events: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float


def measure(installation: Installation, key: str, events: int, progress: Progress) -> Visible:
    """One event after the other, of a tenant of its own; `key` is of the tenant that is busy."""
    own = installation.make_key("bench-visible")
    waits = []
    with (
        _busy(installation.port, key),
        closing(HTTPConnection("127.0.0.1", installation.port, timeout=60)) as web,
    ):
        for number in range(events):
            waits.append(_until_visible(web, own, number))
            progress("visible", 1, events)
    waits.sort()
    return Visible(
        events=events,
        p50_ms=_ms(waits[len(waits) // 2]),
        p99_ms=_ms(waits[len(waits) * 99 // 100]),
        slowest_ms=_ms(waits[-1]),
    )


def _until_visible(web: HTTPConnection, key: str, number: int) -> float:
    headers = {"Authorization": f"Bearer {key}"}
    web.request(
        "POST", "/api/v1/events", single(number, SOURCE), headers | {"Content-Type": SINGLE_TYPE}
    )
    answer = web.getresponse()
    if answer.status != 204:
        raise BenchError(f"an event was answered {answer.status}: {answer.read(200)!r}")
    answer.read()
    stored = time.perf_counter()
    while time.perf_counter() - stored < _PATIENCE_SECONDS:
        web.request("GET", _USAGE, headers=headers)
        [row] = msgspec.json.decode(web.getresponse().read())["rows"]
        if row["requests"] == number + 1:
            return time.perf_counter() - stored
    raise BenchError(f"an event was not visible after {_PATIENCE_SECONDS} s")


@contextmanager
def _busy(port: int, key: str) -> Iterator[None]:
    """Batches on two connections meanwhile."""
    done = threading.Event()

    def requests() -> Iterator[bytes]:
        number = 0
        while not done.is_set():
            yield post("/api/v1/events", key, BATCH_TYPE, batch(number, SOURCE))
            number += 1

    load = threading.Thread(target=seconds_for, args=(port, LANES, requests(), lambda: None))
    load.start()
    try:
        yield
    finally:
        done.set()
        load.join()


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
