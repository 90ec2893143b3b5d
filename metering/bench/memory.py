"""What the web processes hold in memory while millions of events pass through them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from metering.bench.batches import CONNECTIONS
from metering.bench.events import BATCH, BATCH_TYPE, batch
from metering.bench.installation import BenchError, Installation
from metering.bench.load import post, seconds_for
from metering.bench.registry import Progress

SOURCE = "bench/memory"
_PROC = Path("/proc")
_SAMPLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident megabytes of the web processes: medians of the second tenth and of the last.

    `growth` is how much more the last is, as a share; flat is about 0.
    """

    events: int
    events_per_second: float
    early_mb: float
    late_mb: float
    most_mb: float
    growth: float


def measure(installation: Installation, key: str, events: int, progress: Progress) -> Memory:
    """Needs Linux's /proc. The first tenth fills caches and is not compared."""
    count = events // BATCH
    every = max(1, count // _SAMPLES)
    held: list[float] = []

    def requests() -> Iterator[bytes]:
        for number in range(count):
            if number % every == 0:
                held.append(_resident_mb(installation))
            yield post("/api/v1/events", key, BATCH_TYPE, batch(number, SOURCE))

    seconds = seconds_for(
        installation.port,
        CONNECTIONS,
        requests(),
        lambda: progress("memory", BATCH, count * BATCH),
    )
    tenth = max(1, len(held) // 10)
    early, late = median(held[tenth : 2 * tenth] or held), median(held[-tenth:])
    return Memory(
        events=count * BATCH,
        events_per_second=round(count * BATCH / seconds, 1),
        early_mb=round(early, 1),
        late_mb=round(late, 1),
        most_mb=round(max(held), 1),
        growth=round(late / early - 1, 3),
    )


def _resident_mb(installation: Installation) -> float:
    processes = [pid for pid in _PROC.glob("[0-9]*") if _serves(pid, installation.port)]
    if not processes:
        raise BenchError("the web processes cannot be found in /proc, so not be measured")
    pages = sum(int((process / "statm").read_text().split()[1]) for process in processes)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _serves(process: Path, port: int) -> bool:
    try:
        command = (process / "cmdline").read_text().split("\0")
    except OSError:
        return False
    return "gunicorn" in command and f"--bind=127.0.0.1:{port}" in command
