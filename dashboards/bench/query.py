"""How long the promised reads take, beside the ClickHouse queries that each of them needs.

A month of events of one tenant is made in the store itself, in one size after the other. A read is
asked for over HTTP, and in turns with it the queries that it asked are asked again by the bare
driver.
"""

import statistics
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboards.bench.browser import Browser
from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress
from metering.bench.replaying import ASK, BARE, QUERIES
from metering.clickhouse.bench_chips import ChipStore
from metering.clickhouse.bench_tasks import EVENTS_A_TASK, TaskStore

_SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "metering.bench.query_settings",
    # No scheduled rollup may do the work before it is measured.
    "ROLLUP_EVERY_SECONDS": str(10**6),
    "DJANGO_SUPERUSER_PASSWORD": "not-a-secret-of-anybody",
}
_START = datetime(2026, 9, 1, tzinfo=UTC)
_END = _START + timedelta(days=30)
_RANGE = "from=2026-09-01&to=2026-10-01"
READS = {
    "usage": f"/api/v1/usage?{_RANGE}",
    "usage by day and model": f"/api/v1/usage?{_RANGE}&group_by=day,model",
    "daa": f"/api/v1/daa?{_RANGE}",
    "efficiency": f"/api/v1/efficiency?{_RANGE}",
    "efficiency by agent": f"/api/v1/efficiency?{_RANGE}&group_by=agent",
    "bursts": f"/api/v1/bursts?{_RANGE}",
    "tasks": f"/api/v1/tasks?{_RANGE}",
    "overview page": "/?month=2026-09&tenant=bench",
    "spend explorer page": "/spend/?month=2026-09&tenant=bench&group=agent",
    "agents page": "/agents/?month=2026-09&tenant=bench",
}
# The first tenant of a new installation.
_TENANT = 1
# Of a hundred events so many are intervals of chips.
_CHIPS = 2
LEAST_EVENTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """Medians in milliseconds; `ratio` is the read by its queries."""

    events: int
    read: str
    queries: int
    read_ms: float
    queries_ms: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Every read at every size; `growth` is a read at the largest by that at the smallest."""

    reads: list[ReadResult]
    growth: dict[str, float]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--events",
        type=int,
        nargs="+",
        default=[1_000_000, 10_000_000],
        help="how many, for each size (1,000,000 10,000,000)",
    )
    parser.add_argument("--turns", type=int, default=7, help="that a median is of (7)")


def _run(options: Mapping[str, Any], progress: Progress) -> QueryResult:
    sizes, turns = sorted(options["events"]), options["turns"]
    if sizes[0] < LEAST_EVENTS or turns < 1:
        raise BenchError(f"--events must be at least {LEAST_EVENTS}, --turns at least 1")
    reads: list[ReadResult] = []
    for size in sizes:
        with running_installation(**_SETTINGS) as installation:
            reads += _measure(installation, size, turns, progress)
    first = {read.read: read.read_ms for read in reads if read.events == sizes[0]}
    last = {read.read: read.read_ms for read in reads if read.events == sizes[-1]}
    return QueryResult(
        reads=reads, growth={name: round(last[name] / first[name], 2) for name in READS}
    )


def _measure(
    installation: Installation, events: int, turns: int, progress: Progress
) -> list[ReadResult]:
    key = installation.make_key("bench")
    folder = installation.data_dir / "clickhouse"
    chips = events * _CHIPS // 100
    tasks = (events - chips) // EVENTS_A_TASK
    with closing(TaskStore.of(folder, _TENANT)) as store:
        store.fill(tasks, _START, lambda made: progress("tasks", made, tasks))
    with closing(ChipStore(folder)) as store:
        store.fill(_TENANT, chips, _START, _END)
    installation.manage("seed_prices")
    installation.manage("rollup")
    who = ("--username", "bench", "--email", "bench@example.com")
    installation.manage("createsuperuser", "--noinput", *who)
    browser = Browser(installation.port)
    browser.log_in("bench", _SETTINGS["DJANGO_SUPERUSER_PASSWORD"])
    found = []
    for name, address in READS.items():
        found.append(_read(browser, key, events, name, address, turns))
        progress(f"reads of {events:,}", 1, len(READS))
    return found


def _read(
    browser: Browser, key: str, events: int, name: str, address: str, turns: int
) -> ReadResult:
    headers = {"Authorization": f"Bearer {key}"} if address.startswith("/api/") else {}
    browser.get(address, headers)  # once, so that everything is warm
    times, bare, queries = [], [], "0"
    for _ in range(turns):
        times.append(1000 * browser.get(address, headers)[1])
        answer, _ = browser.get(address, headers | {ASK: "1"})
        bare.append(1000 * float(answer.headers[BARE]))
        queries = answer.headers[QUERIES]
    read, alone = statistics.median(times), statistics.median(bare)
    return ReadResult(
        events=events,
        read=name,
        queries=int(queries),
        read_ms=round(read, 1),
        queries_ms=round(alone, 1),
        ratio=round(read / alone, 2),
    )


def _table(result: QueryResult) -> str:
    """The result as a person reads it."""
    lines = [f"{'events':>12}  {'read':<24}{'read':>10}{'queries':>18}{'ratio':>7}"]
    for read in result.reads:
        alone = f"{read.queries} in {read.queries_ms:,.1f} ms"
        took = f"{read.read_ms:,.1f} ms"
        lines.append(f"{read.events:>12,}  {read.read:<24}{took:>10}{alone:>18}{read.ratio:>7.2f}")
    lines += [f"growth of {name}: {growth:.2f}" for name, growth in result.growth.items()]
    return "\n".join(lines)


BENCHMARK = Benchmark(
    name="query",
    help="the promised reads beside the ClickHouse queries they need, at two sizes",
    add_arguments=_arguments,
    run=_run,
    table=_table,
)
