"""A fleet of any size made inside ClickHouse, and what one scan of it costs, for `bench daa`."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

from django.test.utils import override_settings

from metering.clickhouse.connection import command, disconnect, forget_url, open_client, select
from metering.clickhouse.day_rollup import DayRollup
from metering.clickhouse.embedded.launch import stop
from metering.clickhouse.generations import CURRENT_DAYS
from metering.clickhouse.migrate import migrate

TENANT, GENERATION = 1, 1
_WATCH_SECONDS = 0.01
Answer = TypeVar("Answer")

# Every second of the agents that a day could have, chosen by a hash; a twentieth of them are gone
# the next day, and as many have come.
_DAY = """
    INSERT INTO rollup_agent_days
        (tenant, day, generation, agent, succeeded, delivered_sub_task, sub_agent)
    SELECT %(tenant)s, %(day)s, %(generation)s, reinterpretAsUInt128(sipHash128(agent)), done,
        done > 2, done > 1
    FROM (
        SELECT %(nth)s * intDiv(%(agents)s, 20) + 2 * number + modulo(chance, 2) AS agent,
            modulo(intDiv(chance, 2), 4) AS done
        FROM (
            SELECT number, sipHash64(number, %(nth)s) AS chance FROM numbers(%(agents)s)
        )
    )
"""
_UNIQ_EXACT = f"""
    SELECT uniqExact(agent) FROM rollup_agent_days
    WHERE {CURRENT_DAYS} AND day >= %(first)s AND day <= %(last)s AND succeeded >= %(tasks)s
"""
# A day has an agent once.
_EXACT_DAYS = f"SELECT day, count() FROM rollup_agent_days WHERE {CURRENT_DAYS} GROUP BY day"
_SKETCHES = """
    SELECT day, uniqCombined64Merge(17)(active), max(length(CAST(active, 'String')))
    FROM rollup_days WHERE tenant = %(tenant)s GROUP BY day
"""


@dataclass(frozen=True, slots=True)
class Measured(Generic[Answer]):
    """What a call gave, in how many seconds, and the most bytes its queries held at a time."""

    answer: Answer
    seconds: float
    peak_bytes: int


@contextmanager
def own_store() -> Iterator[None]:
    """An embedded store in a folder of its own, with its schema; stopped and removed afterwards."""
    with TemporaryDirectory(prefix="daybook-bench-") as name:
        own = {"DATA_DIR": Path(name), "CLICKHOUSE_URL": "", "CLICKHOUSE_CLUSTER": ""}
        with override_settings(**own):
            _reconnect()
            try:
                migrate()
                yield
            finally:
                disconnect()
                stop(Path(name) / "clickhouse")
        _reconnect()


def _reconnect() -> None:
    disconnect()
    forget_url()


def make_agent_days(first: date, days: int, agents: int) -> Iterator[int]:
    """Rows of so many agents on each of the days, published; yields how many were written."""
    for nth in range(days):
        day = first + timedelta(days=nth)
        bound = {"tenant": TENANT, "generation": GENERATION, "day": day}
        command(_DAY, bound | {"nth": nth, "agents": agents})
        yield agents
    DayRollup(
        tenant=TENANT,
        timezone="UTC",
        since=0,
        until=datetime.now(UTC),
        events={datetime(first.year, first.month, first.day, tzinfo=UTC): 1},
        generation=GENERATION,
        min_tasks=1,
        without_superseded=False,
    ).publish([first + timedelta(days=nth) for nth in range(days)])


def uniq_exact(first: date, last: date, tasks: int = 0) -> int:
    """The distinct agents of the days, or those with so many succeeded tasks on one of them."""
    bound = {"tenant": TENANT, "first": first, "last": last, "tasks": tasks}
    [(agents,)] = select(_UNIQ_EXACT, bound)
    return int(agents)


def exact_days() -> dict[date, int]:
    """The active agents of each day."""
    return dict(select(_EXACT_DAYS, {"tenant": TENANT}))


def sketches() -> dict[date, tuple[int, int]]:
    """The estimate of each day's active agents, and the bytes of its sketch."""
    rows = select(_SKETCHES, {"tenant": TENANT})
    return {day: (estimate, size) for day, estimate, size in rows}


def measured(call: Callable[[], Answer]) -> Measured[Answer]:
    """Run it while another connection watches what the running queries hold."""
    ended, peaks = threading.Event(), [0]
    watcher = threading.Thread(target=_watch, args=(ended, peaks))
    watcher.start()
    begun = time.perf_counter()
    try:
        answer = call()
        seconds = time.perf_counter() - begun
    finally:
        ended.set()
        watcher.join()
    return Measured(answer, seconds, max(peaks))


def _watch(ended: threading.Event, peaks: list[int]) -> None:
    sql = "SELECT max(peak_memory_usage) FROM system.processes WHERE query_id != queryID()"
    with open_client() as client:
        while not ended.wait(_WATCH_SECONDS):
            peaks.append(client.execute(sql)[0][0])
