"""What closing a month costs: with few and with many events, and beside bare bulk inserts.

The events are made in the store itself. The derived days are brought up by a command of their own;
then `close_month --finalize` runs as an operator would run it, and the rows that it wrote are
inserted once more in bulk, into the same tables of another file. Starting a command is not counted.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from billing.bench.bare import bare_seconds
from metering.bench.installation import BenchError, Installation
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.bench_close import ClosingStore

_MONTH = "2026-08"
_START = datetime(2026, 8, 1, tzinfo=UTC)
_VALUES = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)
# Those that are not of tokens; a tenant with so few lines has no others.
_OTHERS: tuple[dict[str, Any], ...] = (
    {"type": "agent.tool", "value": "units"},
    {"type": "agent.chip", "value": "chip_seconds"},
    {"metric": "delivering_agent_days"},
    {"metric": "succeeded_tasks"},
)
LEAST_LINES = len(_OTHERS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One close: seconds apart from starting the command, and the most memory it held."""

    events: int
    days_seconds: float
    seconds: float
    peak_mb: float
    invoices: int
    lines: int
    invoices_per_second: float
    bare_invoices_per_second: float
    driver_invoices_per_second: float
    to_bare: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseResult:
    """`growth` is the seconds of the last close to those of the first, which has fewer events."""

    tenants: int
    lines_each: int
    closings: list[Closing]
    growth: float


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tenants", type=int, default=1000, help="how many (1,000)")
    parser.add_argument("--lines", type=int, default=20, help="of each tenant's invoice (20)")
    parser.add_argument(
        "--events",
        type=int,
        nargs="+",
        default=[1_000_000, 10_000_000],
        help="of all tenants together, a close for each number (1,000,000 10,000,000)",
    )


def _run(options: Mapping[str, Any], progress: Progress) -> CloseResult:
    tenants, lines = options["tenants"], options["lines"]
    if lines < LEAST_LINES or tenants < 1:
        raise BenchError(f"--tenants must be at least 1 and --lines at least {LEAST_LINES}")
    closings = [_measure(tenants, lines, events, progress) for events in options["events"]]
    return CloseResult(
        tenants=tenants,
        lines_each=lines,
        closings=closings,
        growth=round(closings[-1].seconds / closings[0].seconds, 2),
    )


@contextmanager
def _installation() -> Iterator[Installation]:
    """Commands on an empty folder; no server beside the event store."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        yield Installation(0, Path(folder))


def _measure(tenants: int, lines: int, events: int, progress: Progress) -> Closing:
    with _installation() as installation:
        database = installation.data_dir / "daybook.sqlite3"
        _configure(installation, tenants, lines)
        with closing(ClosingStore(installation.data_dir / "clickhouse")) as store:
            models = -(-(lines - len(_OTHERS)) // len(_VALUES))
            ids = [pk for (pk,) in _read(database, "SELECT id FROM metering_tenant ORDER BY id")]
            name = f"events of {events:,}"
            store.fill(ids, events, _START, models, lambda done: progress(name, done, events))
            days_seconds, _ = _timed(installation, "rollup", "--closing")
            # Nothing is there to close in another year: what is left is starting the command.
            idle, _ = _timed(installation, "close_month", "2019-01", "--finalize")
            whole, peak_mb = _timed(installation, "close_month", _MONTH, "--finalize")
            seconds = whole - idle
        return _closing(database, events, days_seconds, seconds, peak_mb)


def _closing(
    database: Path, events: int, days_seconds: float, seconds: float, peak_mb: float
) -> Closing:
    [(invoices,)] = _read(database, "SELECT count(*) FROM billing_invoice WHERE number IS NOT NULL")
    [(lines,)] = _read(database, "SELECT count(*) FROM billing_invoiceline")
    bare, driver = bare_seconds(database)
    return Closing(
        events=events,
        days_seconds=round(days_seconds, 1),
        seconds=round(seconds, 2),
        peak_mb=round(peak_mb, 1),
        invoices=invoices,
        lines=lines,
        invoices_per_second=round(invoices / seconds, 1),
        bare_invoices_per_second=round(invoices / bare, 1),
        driver_invoices_per_second=round(invoices / driver, 1),
        to_bare=round(bare / seconds, 3),
    )


def _configure(installation: Installation, tenants: int, lines: int) -> None:
    """One plan of so many lines, and tenants on it."""
    configuration = {
        "plans": [
            {
                "code": "bench",
                "currency": "USD",
                "valid_from": "2020-01-01",
                "charges": [_charge(number) for number in range(lines)],
            }
        ],
        "tenants": [{"slug": f"bench-{n:06d}", "plan": "bench"} for n in range(tenants)],
    }
    file = installation.data_dir / "bench.json"
    file.write_bytes(msgspec.json.encode(configuration))
    installation.manage("apply", str(file))
    installation.manage("migrate_store")


def _charge(number: int) -> dict[str, Any]:
    if number < len(_OTHERS):
        meter = _OTHERS[number]
    else:
        model, value = divmod(number - len(_OTHERS), len(_VALUES))
        meter = {
            "type": "agent.tokens",
            "value": _VALUES[value],
            "filters": {"model": [f"model-{model}"]},
        }
    price = {"model": "per_unit", "unit_amount": "0.0001"}
    return {"code": f"line-{number}", "meter": meter, "charge": price}


def _timed(installation: Installation, *arguments: str) -> tuple[float, float]:
    """Seconds of a command, and the most megabytes that it held."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise BenchError(f"manage.py {arguments[0]} failed")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def _read(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def _table(result: CloseResult) -> str:
    """The result as a person reads it."""
    rows = [f"{result.tenants:,} tenants of {result.lines_each} lines, finalized"]
    rows.append(
        f"{'events':>12}{'days':>10}{'close':>10}{'memory':>10}{'invoices/s':>12}{'bare':>12}"
        f"{'to bare':>9}"
    )
    rows += [
        f"{item.events:>12,}{item.days_seconds:>8,.1f} s{item.seconds:>8,.2f} s"
        f"{item.peak_mb:>7,.0f} MB{item.invoices_per_second:>12,.1f}"
        f"{item.bare_invoices_per_second:>12,.1f}{item.to_bare:>9.2f}"
        for item in result.closings
    ]
    rows.append(f"time from the fewest events to the most: × {result.growth:.2f}")
    return "\n".join(rows)


BENCHMARK = Benchmark(
    name="close",
    help="a month closed for many tenants, beside bare bulk inserts of the same rows",
    add_arguments=_arguments,
    run=_run,
    table=_table,
)
