"""Single events from 64 connections, beside a view of the same server that does nothing.

The view asks for the same key and reads the same body. The two take turns, and the median of the
turns' ratios counts, so that a disturbance of a second does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from metering.bench.events import SINGLE_TYPE, single
from metering.bench.installation import Installation
from metering.bench.load import post, seconds_for
from metering.bench.registry import Progress

CONNECTIONS = 64
ROUNDS = 3
SOURCE = "bench/singles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Singles:
    """Requests per second that store an event, those that do nothing, and their ratio."""

    events: int
    connections: int
    events_per_second: float
    empty_per_second: float
    ratio: float


def measure(installation: Installation, key: str, events: int, progress: Progress) -> Singles:
    """All events are new ones."""
    share = events // ROUNDS
    stored: list[float] = []
    empty: list[float] = []
    for turn in range(ROUNDS):
        for path, rates in (("/bench/nothing", empty), ("/api/v1/events", stored)):
            requests = _requests(path, key, turn * share, share)
            seconds = seconds_for(
                installation.port,
                CONNECTIONS,
                requests,
                lambda: progress("single events", 1, 2 * ROUNDS * share),
            )
            rates.append(share / seconds)
    return Singles(
        events=ROUNDS * share,
        connections=CONNECTIONS,
        events_per_second=round(median(stored), 1),
        empty_per_second=round(median(empty), 1),
        ratio=round(median(s / e for s, e in zip(stored, empty, strict=True)), 3),
    )


def _requests(path: str, key: str, first: int, count: int) -> Iterator[bytes]:
    made = [
        post(path, key, SINGLE_TYPE, single(number, SOURCE))
        for number in range(first, first + count)
    ]
    return iter(made)
