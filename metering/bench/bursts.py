"""How long one tenant's month of chip intervals takes to price, beside a bare scan of them.

Intervals are made in the store itself, over one month or several under one contract with credits.
The command `close_month` then prices the last month twice: first it has to carry the credits from
the contract's start, the second time from the balance that it kept. Beside it, in the same run,
clickhouse-driver reads the month's rows, and the command runs for a tenant without any.
"""

import resource
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.bench_chips import CHIP, ChipStore
from metering.usage.period import month_period

# A block of rows may reach into so many partitions, which are months.
MOST_MONTHS = 60
_STEPS = 4  # making, reading, and pricing twice
_TENANT = 1
_CONFIGURATION = """
plans:
  - {{code: bursts, currency: USD, valid_from: {start}, charges: [{{code: bursts, charge: {{model: burst}}}}]}}
tenants: [{{slug: bench, plan: bursts}}, {{slug: idle, plan: bursts}}]
contracts:
  - {{tenant: bench, chip: {chip}, valid_from: {start}, baseline: "4", baseline_price: "0.0003",
      on_demand_price: "0.0006", idle_factor: "0.1", granularity_ms: 100, minimum_ms: 1000,
      cold_start_fee: "0.001", credit_accrual: "1", credit_cap: "7200",
      burst_tiers: [{{up_to: "100000", unit_amount: "0.0006"}}, {{up_to: null, unit_amount: "0.0005"}}]}}
"""  # noqa: E501 - an entry a line


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstsResult:
    """Seconds of the command `close_month`, and what is left of them beyond starting it.

    `ratio` is the pricing's seconds by those of the scan of the same rows, `peak_mib` the memory
    of the command. Processor seconds are those of the client, which the machine's other work
    disturbs less.
    """

    months: int
    intervals: int
    intervals_of_the_month: int
    command_seconds: float
    first_close_seconds: float
    first_pricing_cpu_seconds: float
    close_seconds: float
    pricing_seconds: float
    pricing_cpu_seconds: float
    scan_seconds: float
    scan_cpu_seconds: float
    ratio: float
    peak_mib: int


def bench_bursts(
    installation: Installation, intervals: int, months: int, progress: Progress
) -> BurstsResult:
    """Measure; `intervals` are spread over the months, the last of which is the one before this."""
    last = _month_before(timezone.now().date())
    first = last
    for _ in range(months - 1):
        first = _month_before(first)
    period = month_period(f"{last:%Y-%m}", "UTC")
    start = month_period(f"{first:%Y-%m}", "UTC").start
    file = installation.data_dir / "bench.yaml"
    file.write_text(_CONFIGURATION.format(start=first, chip=CHIP))
    installation.manage("apply", str(file))
    store = ChipStore(installation.data_dir / "clickhouse")
    store.fill(_TENANT, intervals, start, period.end)
    progress("steps", 1, _STEPS)
    before = time.process_time()
    rows, scan = store.scan_seconds(_TENANT, period.start, period.end)
    scan_cpu = time.process_time() - before
    store.close()
    progress("steps", 1, _STEPS)
    command, command_cpu = _close(installation, "idle", last)
    first_close, first_cpu = _close(installation, "bench", last)
    progress("steps", 1, _STEPS)
    close, close_cpu = _close(installation, "bench", last)
    progress("steps", 1, _STEPS)
    return BurstsResult(
        months=months,
        intervals=intervals,
        intervals_of_the_month=rows,
        command_seconds=round(command, 2),
        first_close_seconds=round(first_close, 2),
        first_pricing_cpu_seconds=round(first_cpu - command_cpu, 2),
        close_seconds=round(close, 2),
        pricing_seconds=round(close - command, 2),
        pricing_cpu_seconds=round(close_cpu - command_cpu, 2),
        scan_seconds=round(scan, 2),
        scan_cpu_seconds=round(scan_cpu, 2),
        ratio=round((close - command) / scan, 2),
        # Of the commands that have ended this is by far the largest.
        peak_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )


def _close(installation: Installation, slug: str, month: date) -> tuple[float, float]:
    """Seconds by the clock and of the processor that closing a tenant's month takes."""
    begun, before = time.perf_counter(), _children_cpu()
    installation.manage("close_month", f"{month:%Y-%m}", "--tenant", slug)
    return time.perf_counter() - begun, _children_cpu() - before


def _children_cpu() -> float:
    """Processor seconds of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def add_arguments(parser: ArgumentParser) -> None:
    """How many intervals, and over how long."""
    parser.add_argument("--intervals", type=int, default=1_000_000, help="how many (1,000,000)")
    parser.add_argument("--months", type=int, default=1, help="that they are spread over (1)")


def run(options: Mapping[str, Any], progress: Progress) -> BurstsResult:
    """Measure on an installation of its own."""
    intervals, months = options["intervals"], options["months"]
    if intervals < 1 or not 1 <= months <= MOST_MONTHS:
        raise BenchError(f"--intervals must be at least 1, --months from 1 to {MOST_MONTHS}")
    with running_installation() as installation:
        return bench_bursts(installation, intervals, months, progress)


def table(result: BurstsResult) -> str:
    """A figure a line."""
    figures = asdict(result).items()
    return "\n".join(f"{name.replace('_', ' '):<28}{value:>16,}" for name, value in figures)


BENCHMARK = Benchmark(
    name="bursts",
    help="a month of chip intervals priced, beside a bare scan of them",
    add_arguments=add_arguments,
    run=run,
    table=table,
)
