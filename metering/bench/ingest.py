"""`bench ingest`: how fast events come in over HTTP, how soon they count, what that holds.

Four measurements against one installation, each beside a yardstick in the same run, for no figure
of a machine means anything by itself.
"""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metering.bench import batches, memory, singles, visible
from metering.bench.events import BATCH
from metering.bench.installation import BenchError, running_installation
from metering.bench.registry import Benchmark, Progress

_LEAST_EVENTS = BATCH * batches.CONNECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """What was measured; None is what was left out."""

    batches: batches.Batches
    singles: singles.Singles | None
    visible: visible.Visible | None
    memory: memory.Memory | None


def run(options: Mapping[str, Any], progress: Progress) -> Ingest:
    """Raises BenchError."""
    if options["events"] < _LEAST_EVENTS:
        raise BenchError(f"--events must be at least {_LEAST_EVENTS}")
    with running_installation(DJANGO_SETTINGS_MODULE="metering.bench.settings") as installation:
        key = installation.make_key("bench")
        found = batches.measure(installation, key, options["events"], progress)
        one, seen, held = options["singles"], options["visible"], options["memory_events"]
        return Ingest(
            batches=found,
            singles=singles.measure(installation, key, one, progress) if one else None,
            visible=visible.measure(installation, key, seen, progress) if seen else None,
            memory=memory.measure(installation, key, held, progress) if held else None,
        )


def add_arguments(parser: ArgumentParser) -> None:
    """How much of each."""
    parser.add_argument("--events", type=int, default=400_000, help="in batches (400,000)")
    parser.add_argument("--singles", type=int, default=9_000, help="single events (9,000; 0: none)")
    parser.add_argument("--visible", type=int, default=200, help="waited for (200; 0: none)")
    parser.add_argument(
        "--memory-events", type=int, default=5_000_000, help="for memory (5,000,000; 0: none)"
    )


def table(result: Ingest) -> str:
    """The figures, a line each."""
    batch, lines = result.batches, []
    lines += [
        f"batches of {batch.batch:,} over {batch.connections} connections, {batch.events:,} events",
        f"  over HTTP     {batch.http_events_per_second:>12,.0f} events/s",
        f"  bare driver   {batch.bare_rows_per_second:>12,.0f} rows/s",
        f"  ratio         {batch.ratio:>12.3f}",
    ]
    if single := result.singles:
        lines += [
            f"single events over {single.connections} connections, {single.events:,} events",
            f"  stored        {single.events_per_second:>12,.0f} requests/s",
            f"  empty view    {single.empty_per_second:>12,.0f} requests/s",
            f"  ratio         {single.ratio:>12.3f}",
        ]
    if seen := result.visible:
        lines += [
            f"from 204 to visible in usage, {seen.events:,} events, others coming in meanwhile",
            f"  median        {seen.p50_ms:>12,.1f} ms",
            f"  p99           {seen.p99_ms:>12,.1f} ms",
        ]
    if held := result.memory:
        lines += [
            f"memory of the web processes over {held.events:,} events",
            f"  early         {held.early_mb:>12,.1f} MB",
            f"  late          {held.late_mb:>12,.1f} MB",
            f"  growth        {held.growth:>12.1%}",
        ]
    return "\n".join(lines)


BENCHMARK = Benchmark(
    name="ingest",
    help="events over HTTP beside the bare driver, and beside an empty view",
    add_arguments=add_arguments,
    run=run,
    table=table,
)
