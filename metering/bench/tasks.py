"""Whether a page of the task ledger costs the same wherever it is, and what beside a bare select.

The events of a month's tasks are made in the store itself and derived by the command `rollup`. Then
pages are asked for over HTTP, costs and sub-tasks included, the first one and a later one in turns,
and the same pages of the ledger's table by the bare driver.
"""

import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import msgspec

from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.bench_tasks import TaskStore

# No scheduled rollup may do the work before it is measured.
_SETTINGS = {"ROLLUP_EVERY_SECONDS": str(10**6)}
PAGE = 100
LEAST_TASKS = 10 * PAGE
LATER_PAGE = 10_000
_TURNS = 15
_START = datetime(2026, 9, 1, tzinfo=UTC)
_END = datetime(2026, 10, 1, tzinfo=UTC)
# The first tenant of a new installation.
_TENANT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksResult:
    """Medians in milliseconds. `ratio` is the later page to the first, over HTTP."""

    tasks: int
    rollup_seconds: float
    later_page: int
    first_page_ms: float
    later_page_ms: float
    ratio: float
    bare_first_ms: float
    bare_later_ms: float
    first_to_bare: float
    later_to_bare: float


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tasks", type=int, default=1_000_000, help="how many (1,000,000)")


def _run(options: Mapping[str, Any], progress: Progress) -> TasksResult:
    tasks: int = options["tasks"]
    if tasks < LEAST_TASKS:
        raise BenchError(f"--tasks must be at least {LEAST_TASKS}")
    with (
        running_installation(**_SETTINGS) as installation,
        closing(TaskStore.of(installation.data_dir / "clickhouse", _TENANT)) as store,
    ):
        return bench_tasks(installation, store, tasks, lambda done: progress("tasks", done, tasks))


def bench_tasks(
    installation: Installation, store: TaskStore, tasks: int, progress: Callable[[int], None]
) -> TasksResult:
    """Measure; `progress` hears how many tasks were made since it last heard."""
    key = installation.make_key("bench")
    store.fill(tasks, _START, progress)
    begun = time.perf_counter()
    installation.manage("rollup")
    rollup_seconds = time.perf_counter() - begun
    later = min(LATER_PAGE, tasks // PAGE)
    place = store.nth((later - 1) * PAGE - 1)
    pages = [_page_address(None), _page_address(place)]
    web = [[_seconds(installation.port, key, page) for page in pages] for _ in range(_TURNS)]
    moments = (_END, place[0])
    bare = [[store.bare_seconds(moment, PAGE) for moment in moments] for _ in range(_TURNS)]
    first, other = (1000 * statistics.median(turn[n] for turn in web) for n in (0, 1))
    bare_first, bare_other = (1000 * statistics.median(turn[n] for turn in bare) for n in (0, 1))
    return TasksResult(
        tasks=tasks,
        rollup_seconds=round(rollup_seconds, 1),
        later_page=later,
        first_page_ms=round(first, 1),
        later_page_ms=round(other, 1),
        ratio=round(other / first, 2),
        bare_first_ms=round(bare_first, 1),
        bare_later_ms=round(bare_other, 1),
        first_to_bare=round(first / bare_first, 1),
        later_to_bare=round(other / bare_other, 1),
    )


def _page_address(after: tuple[datetime, str] | None) -> str:
    asked = {"from": f"{_START:%Y-%m-%d}", "to": f"{_END:%Y-%m-%d}", "limit": str(PAGE)}
    if after:
        asked |= {"after_time": after[0].isoformat(), "after_task": after[1]}
    return f"/api/v1/tasks?{urlencode(asked)}"


def _seconds(port: int, key: str, address: str) -> float:
    """How long a page takes, whole and read."""
    web = HTTPConnection("127.0.0.1", port, timeout=120)
    begun = time.perf_counter()
    web.request("GET", address, headers={"Authorization": f"Bearer {key}"})
    answer = web.getresponse()
    body = answer.read()
    taken = time.perf_counter() - begun
    web.close()
    if answer.status != 200 or len(msgspec.json.decode(body)["rows"]) != PAGE:
        raise BenchError(f"a page was answered {answer.status}: {body[:200].decode()}")
    return taken


def _table(result: TasksResult) -> str:
    """The result as a person reads it."""
    later = f"page {result.later_page:,}"
    return (
        f"{result.tasks:,} tasks of one tenant, rolled up in {result.rollup_seconds:,.1f} s\n"
        f"{'':<14}{'HTTP':>10}{'bare':>10}\n"
        f"{'page 1':<14}{result.first_page_ms:>7,.1f} ms{result.bare_first_ms:>7,.1f} ms\n"
        f"{later:<14}{result.later_page_ms:>7,.1f} ms{result.bare_later_ms:>7,.1f} ms\n"
        f"later to first: {result.ratio:.2f}"
    )


BENCHMARK = Benchmark(
    name="tasks",
    help="a first and a later page of the task ledger, beside bare selects",
    add_arguments=_arguments,
    run=_run,
    table=_table,
)
