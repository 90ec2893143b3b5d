"""Waits for inserts under way: stamped `received_at` when they begin, seen when they end."""

import time
from datetime import datetime

from metering.clickhouse.connection import StoreUnavailable, select
from metering.clickhouse.event_columns import from_micros

# More than a commit may take, so only a writer that hangs makes anybody wait as long.
_PATIENCE_SECONDS = 60
_PAUSE = 0.005


def store_now() -> datetime:
    """A moment of the store's clock such that every event received before it can be seen."""
    [(now,)] = select("SELECT toUnixTimestamp64Micro(now64(6))")
    if not inserts_ended(now, _PATIENCE_SECONDS):
        raise StoreUnavailable(f"an insert of events has not ended in {_PATIENCE_SECONDS} s")
    return from_micros(now)


def inserts_ended(begun_before: int, patience: float) -> bool:
    """Wait until every insert of events begun before this moment, in µs, has ended."""
    deadline = time.monotonic() + patience
    while _under_way(begun_before):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _under_way(begun_before: int) -> bool:
    # `elapsed` is a float of seconds: a millisecond of slack covers what it rounds off.
    [(count,)] = select(
        "SELECT count() FROM system.processes WHERE query ILIKE 'INSERT INTO events %%'"
        " AND toUnixTimestamp64Micro(now64(6)) - toInt64(elapsed * 1000000) < %(moment)s",
        {"moment": begun_before + 1000},
    )
    return bool(count)
