"""The yardstick of `bench bursts`: intervals made in the store, and read by the driver alone."""

import time
from datetime import datetime
from pathlib import Path

from clickhouse_driver import Client
from django.conf import settings

from metering.clickhouse.embedded.launch import ensure_running
from metering.clickhouse.event_columns import micros

CHIP = "bench-chip"
# Starts are spread evenly over the time by a hash; lengths are from 10 ms to 30 s, counts and
# phases a mixture, so that nearly every start and end is a moment of its own.
_FILL = """
INSERT INTO events
    (tenant, type, time, source, id, identity, content, commit, agent, chip, phase, count,
     started_at, ended_at)
WITH
    toInt64(%(start)s + cityHash64(number, 'at') %% %(length)s) AS begun,
    fromUnixTimestamp64Micro(begun) AS at,
    cityHash64(number, 'what') AS what
SELECT
    %(tenant)s, 'agent.chip', at, 'bench', toString(number), cityHash64('bench', number), number,
    1, concat('agent-', toString(number %% 500)), %(chip)s,
    ['active', 'active', 'active', 'idle', 'cold_start'][what %% 5 + 1],
    toDecimal128(['1', '1', '2', '0.5'][what %% 4 + 1], 18),
    at, fromUnixTimestamp64Micro(begun + 10000 + toInt64(cityHash64(number, 'long') %% 30000000))
FROM numbers(%(intervals)s)
"""
_SCAN = (
    "SELECT started_at, ended_at, count, phase FROM events"
    " WHERE tenant = %(tenant)s AND type = 'agent.chip' AND chip = %(chip)s"
    " AND time >= fromUnixTimestamp64Micro(%(start)s) AND time < fromUnixTimestamp64Micro(%(end)s)"
)


class ChipStore:
    """The store of an installation, by a client of its own."""

    def __init__(self, folder: Path) -> None:
        self._client = Client.from_url(settings.CLICKHOUSE_URL or ensure_running(folder))

    def fill(self, tenant: int, intervals: int, start: datetime, end: datetime) -> None:
        """Make intervals of one chip that begin between two moments."""
        bound = {
            "tenant": tenant,
            "chip": CHIP,
            "intervals": intervals,
            "start": micros(start),
            "length": micros(end) - micros(start),
        }
        self._client.execute(_FILL, bound)

    def scan_seconds(self, tenant: int, start: datetime, end: datetime) -> tuple[int, float]:
        """How many intervals begin between two moments, and how long the driver reads them."""
        bound = {"tenant": tenant, "chip": CHIP, "start": micros(start), "end": micros(end)}
        begun = time.perf_counter()
        rows = sum(1 for _ in self._client.execute_iter(_SCAN, bound))
        return rows, time.perf_counter() - begun

    def close(self) -> None:
        self._client.disconnect()
