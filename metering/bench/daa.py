"""How long a month of daily active agents takes, beside one plain uniqExact of the same rows.

The rows are made inside ClickHouse: 60 days of a fleet, so that a page of the last 30 reads all of
them. The scan gives one number. The page says of each day who was active, new, returning,
resurrected and dormant, who delivered, and the distinct agents of its 7 and 30 days. Both in one
run, on one machine, of rows that both read; what both know has to be equal.
"""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from metering.bench.installation import BenchError
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.active_query import ActiveQuery
from metering.clickhouse.agent_days_bench import (
    TENANT,
    exact_days,
    make_agent_days,
    measured,
    own_store,
    sketches,
    uniq_exact,
)
from metering.usage.active import ActiveDay

DAYS = 60
PAGE = 30
_FIRST = date(2026, 9, 1)
_LAST = _FIRST + timedelta(days=DAYS - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaaResult:
    """Seconds, and the most bytes that queries held, of the page, the scan and the sketches.

    `ratio` is page / scan in seconds. A sketch is of a day; `sketch_error_percent` is the worst.
    """

    agent_days: int
    agents: int
    active_on_last_day: int
    maa_on_last_day: int
    page_seconds: float
    page_peak_bytes: int
    uniq_exact_seconds: float
    uniq_exact_peak_bytes: int
    ratio: float
    sketch_seconds: float
    sketch_bytes: int
    sketch_error_percent: float


def run(options: Mapping[str, Any], progress: Progress) -> DaaResult:
    """Make the rows and measure both."""
    agent_days = options["agent_days"] // DAYS * DAYS
    if agent_days < DAYS * 100:
        raise BenchError(f"--agent-days must be at least {DAYS * 100}")
    with own_store():
        for made in make_agent_days(_FIRST, DAYS, agent_days // DAYS):
            progress("agent-days", made, agent_days)
        return _measure(agent_days)


def add_arguments(parser: ArgumentParser) -> None:
    """How many."""
    parser.add_argument(
        "--agent-days", type=int, default=100_000_000, help="made and counted (100,000,000)"
    )


def _measure(agent_days: int) -> DaaResult:
    end = _LAST + timedelta(days=1)
    query = ActiveQuery(
        tenant=TENANT, timezone="UTC", start=end - timedelta(days=PAGE), end=end, min_tasks=1
    )
    scan = measured(lambda: uniq_exact(_FIRST, _LAST))
    page = measured(query.rows)
    sketch = measured(sketches)
    exact = exact_days()
    _check(page.answer, exact)
    return DaaResult(
        agent_days=agent_days,
        agents=scan.answer,
        active_on_last_day=page.answer[-1].active,
        maa_on_last_day=page.answer[-1].maa,
        page_seconds=round(page.seconds, 3),
        page_peak_bytes=page.peak_bytes,
        uniq_exact_seconds=round(scan.seconds, 3),
        uniq_exact_peak_bytes=scan.peak_bytes,
        ratio=round(page.seconds / scan.seconds, 3),
        sketch_seconds=round(sketch.seconds, 3),
        sketch_bytes=max(size for _, size in sketch.answer.values()),
        sketch_error_percent=_worst_percent(exact, sketch.answer),
    )


def _check(page: list[ActiveDay], exact: dict[date, int]) -> None:
    month = uniq_exact(_LAST - timedelta(days=29), _LAST, tasks=1)
    wrong = [day.date for day in page if day.active != exact[day.date]]
    if wrong or page[-1].maa != month:
        raise BenchError(f"the page is wrong on {wrong}; its MAA is {page[-1].maa}, not {month}")


def _worst_percent(exact: dict[date, int], sketched: dict[date, tuple[int, int]]) -> float:
    errors = [abs(sketched[day][0] - count) / count for day, count in exact.items()]
    return round(100 * max(errors), 3)


def table(result: DaaResult) -> str:
    """The result for people."""

    def line(name: str, seconds: float, held: int) -> str:
        return f"{name:<26}{seconds:>9.2f} s {held / 2**20:>8,.0f} MiB"

    page, scan = result.page_peak_bytes, result.uniq_exact_peak_bytes
    return "\n".join(
        [
            f"{result.agent_days:,} agent-days of {result.agents:,} agents in {DAYS} days",
            line(f"all numbers of {PAGE} days:", result.page_seconds, page),
            line("one uniqExact of the same:", result.uniq_exact_seconds, scan),
            f"{'ratio:':<26}{result.ratio:>9.3f}",
            f"sketches: {result.sketch_seconds:.2f} s, {result.sketch_bytes:,} bytes a day,"
            f" {result.sketch_error_percent} % off at worst",
        ]
    )


BENCHMARK = Benchmark(
    name="daa",
    help="every number of a month of daily active agents, beside one uniqExact of the same rows",
    add_arguments=add_arguments,
    run=run,
    table=table,
)
