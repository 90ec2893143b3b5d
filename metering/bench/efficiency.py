"""`bench efficiency`: how fast and in what memory the rollup finds what had been computed before.

A day of calls whose prompts share prefixes is made in the store itself; then the command `rollup`
derives it, hour by hour with the reuse window before. Beside it, in the same run, the same blocks
are merely looked at, and counted distinct in memory.
"""

import os
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metering.bench.installation import BenchError, Installation, running_installation
from metering.bench.registry import Benchmark, Progress
from metering.clickhouse.bench_blocks import (
    BLOCK_TOKENS,
    BLOCKS_PER_CALL,
    CALLS_AT_ONCE,
    PROMPTS,
    TURNS,
    BlockStore,
)

# No scheduled rollup may do the work before it is measured.
_SETTINGS = {"ROLLUP_EVERY_SECONDS": str(10**6)}
_LEAST_BLOCKS = CALLS_AT_ONCE * BLOCKS_PER_CALL
_FIRST_TENANT = 1
_SAMPLE_SECONDS = 0.05
# Making the calls, scanning, rolling up, counting: what the progress bar counts.
_STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Of the rollup, of a bare scan and of counting distinct blocks: blocks per second, the
    server's processor seconds and its peak memory in MiB (None where the system does not tell).

    `ratio` is the rollup's blocks per second by those of the scan; `idle_mib` what the server took
    before.
    """

    calls: int
    blocks: int
    rollup_seconds: float
    rollup_blocks_per_second: float
    scan_blocks_per_second: float
    distinct_blocks_per_second: float
    ratio: float
    rollup_cpu_seconds: float | None
    scan_cpu_seconds: float | None
    distinct_cpu_seconds: float | None
    idle_mib: int | None
    rollup_mib: int | None
    scan_mib: int | None
    distinct_mib: int | None


@dataclass(slots=True)
class _Run:
    """What running something took; of the server, where the system tells it."""

    seconds: float = 0.0
    cpu_seconds: float | None = None
    mib: int | None = None


def run(options: Mapping[str, Any], progress: Progress) -> Efficiency:
    """A day of about `blocks` blocks. Raises BenchError, also if the rollup is not exact."""
    if options["blocks"] < _LEAST_BLOCKS:
        raise BenchError(f"--blocks must be at least {_LEAST_BLOCKS}")
    with running_installation(**_SETTINGS) as installation:
        return _measure(installation, options["blocks"], progress)


def add_arguments(parser: ArgumentParser) -> None:
    """How many blocks."""
    parser.add_argument("--blocks", type=int, default=1_000_000, help="prefix blocks (1,000,000)")


def table(result: Efficiency) -> str:
    """The figures, a line each."""
    lines = []
    for name, value in asdict(result).items():
        figure = "unknown" if value is None else f"{value:,}"
        lines.append(f"{name.replace('_', ' '):<28}{figure:>16}")
    return "\n".join(lines)


def _measure(installation: Installation, blocks: int, progress: Progress) -> Efficiency:
    calls = blocks // _LEAST_BLOCKS * CALLS_AT_ONCE
    installation.manage("create_tenant", "bench")
    store = BlockStore(installation.data_dir / "clickhouse", _FIRST_TENANT)
    made = store.generate(calls)
    progress("efficiency", 1, _STEPS)
    store.restart()
    # Once for nothing, so that what is measured finds the files in memory.
    store.scan()
    idle = _memory_mib(store.pid)
    with _measured(store.pid) as scan:
        store.scan()
    progress("efficiency", 1, _STEPS)
    with _measured(store.pid) as rollup:
        installation.manage("rollup", "--tenant", "bench")
    progress("efficiency", 1, _STEPS)
    with _measured(store.pid) as distinct:
        store.distinct()
    progress("efficiency", 1, _STEPS)
    _check(store.reusable_tokens(), calls)
    store.close()
    return Efficiency(
        calls=calls,
        blocks=made,
        rollup_seconds=round(rollup.seconds, 2),
        rollup_blocks_per_second=round(made / rollup.seconds, 1),
        scan_blocks_per_second=round(made / scan.seconds, 1),
        distinct_blocks_per_second=round(made / distinct.seconds, 1),
        ratio=round(scan.seconds / rollup.seconds, 4),
        rollup_cpu_seconds=rollup.cpu_seconds,
        scan_cpu_seconds=scan.cpu_seconds,
        distinct_cpu_seconds=distinct.cpu_seconds,
        idle_mib=idle,
        rollup_mib=rollup.mib,
        scan_mib=scan.mib,
        distinct_mib=distinct.mib,
    )


def _check(found: int, calls: int) -> None:
    """A session's turns have 2, 6, 10 … 62 blocks, and each finds those of the turn before: 450.

    Unless its system prompt is new, the first turn finds 2 of it, the second 4 more than its
    predecessor had, the third 2 more.
    """
    sessions = calls // TURNS
    expected = 450 * sessions + 8 * max(0, sessions - PROMPTS)
    if found != expected * BLOCK_TOKENS:
        raise BenchError(
            f"the rollup found {found} reusable tokens, and it are {expected * BLOCK_TOKENS}"
        )


@contextmanager
def _measured(pid: int | None) -> Iterator[_Run]:
    """Times what is done within, and looks at the server's memory twenty times a second."""
    run, seen, over = _Run(), list[int](), threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            memory = _memory_mib(pid)
            if memory is not None:
                seen.append(memory)

    thread = threading.Thread(target=watch)
    thread.start()
    begun, used = time.perf_counter(), _cpu_seconds(pid)
    try:
        yield run
    finally:
        run.seconds, after = time.perf_counter() - begun, _cpu_seconds(pid)
        over.set()
        thread.join()
    if used is not None and after is not None:
        run.cpu_seconds = round(after - used, 2)
    run.mib = max(seen, default=_memory_mib(pid))


def _cpu_seconds(pid: int | None) -> float | None:
    """What a process has used of all processors."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int | None) -> int | None:
    """A process's resident memory, where the system tells it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


BENCHMARK = Benchmark(
    name="efficiency",
    help="finding reusable context beside bare scans of the same blocks",
    add_arguments=add_arguments,
    run=run,
    table=table,
)
