"""How fast a month's usage is exported and what that holds, beside the engine's own CSV of it.

Calls are made in the store itself, a row of usage each, of one tenant with a tenth of the rows and
of one with all. The command `export usage` writes the file of each, and the engine one of the same
groups.
"""

import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.bench_usage import UsageStore

_START = datetime(2026, 9, 1, tzinfo=UTC)
_MONTH = "2026-09"
LEAST_ROWS = 1_000
_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """Rows per second of the command and of the engine; `ratio` is the one by the other.

    Peak resident memory of the command with a tenth of the rows, and with all of them.
    """

    rows: int
    bytes: int
    export_seconds: float
    export_rows_per_second: float
    bare_seconds: float
    bare_rows_per_second: float
    ratio: float
    tenth_peak_mib: int
    peak_mib: int
    growth: float


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many (1,000,000)")


def _run(options: Mapping[str, Any], progress: Progress) -> ExportResult:
    rows: int = options["rows"]
    if rows < LEAST_ROWS:
        raise BenchError(f"--rows must be at least {LEAST_ROWS}")
    with (
        running_installation(ROLLUP_EVERY_SECONDS=str(10**6)) as installation,
        closing(UsageStore.of(installation.data_dir / "clickhouse")) as store,
    ):
        return _measure(installation, store, rows, progress)


def _measure(
    installation: Installation, store: UsageStore, rows: int, progress: Progress
) -> ExportResult:
    for tenant, (slug, some) in enumerate((("tenth", rows // 10), ("whole", rows)), start=1):
        installation.manage("create_tenant", slug)
        store.fill(tenant, some, _START)
    installation.manage("seed_prices")
    progress("steps", 1, _STEPS)
    out = installation.data_dir / "usage.csv"
    _, tenth = _export(installation, "tenth", out)
    progress("steps", 1, _STEPS)
    seconds, peak = _export(installation, "whole", out)
    with out.open("rb") as file:
        written = sum(1 for _ in file) - 1
    if written != rows:
        raise BenchError(f"{written} rows were exported, not {rows}")
    bare = store.bare_seconds(2, installation.data_dir / "bare.csv")
    progress("steps", 1, _STEPS)
    return ExportResult(
        rows=rows,
        bytes=out.stat().st_size,
        export_seconds=round(seconds, 2),
        export_rows_per_second=round(rows / seconds, 1),
        bare_seconds=round(bare, 3),
        bare_rows_per_second=round(rows / bare, 1),
        ratio=round(bare / seconds, 3),
        tenth_peak_mib=tenth,
        peak_mib=peak,
        growth=round(peak / tenth - 1, 3),
    )


def _export(installation: Installation, slug: str, out: Path) -> tuple[float, int]:
    """Seconds and peak memory of the command, its start included."""
    words = ("export", "usage", "--period", _MONTH, "--tenant", slug, "--out", str(out))
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *words], cwd=settings.BASE_DIR, env=installation.environment
    )
    # Of this one process, where RUSAGE_CHILDREN is the largest of all that have ended.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"manage.py export failed with {process.returncode}")
    return time.perf_counter() - begun, used.ru_maxrss // 1024


def _table(result: ExportResult) -> str:
    """A figure a line."""
    figures = asdict(result).items()
    return "\n".join(f"{name.replace('_', ' '):<26}{value:>16,}" for name, value in figures)


BENCHMARK = Benchmark(
    name="export",
    help="a month of usage as CSV, beside the engine's own",
    add_arguments=_arguments,
    run=_run,
    table=_table,
)
