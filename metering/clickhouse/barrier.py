"""Waits for inserts under way: stamped `received_at` when they begin, seen when they end."""

import time
from datetime import datetime

from metering.clickhouse.connection import StoreUnavailable, select
from metering.clickhouse.event_columns import from_micros

# More than a commit may take, so only a writer that hangs makes anybody wait as long.
_PATIENCE_SECONDS = 60
_PAUSE = 0.005
# Of events, and of what says which of them stand: a rollup must not miss either.
_INSERTS = "^INSERT INTO (events|superseded|amended) "


def store_now() -> datetime:
    """A moment of the store's clock such that every event received before it can be seen."""
    [(now,)] = select("SELECT toUnixTimestamp64Micro(now64(6))")
    if not running_inserts_ended(_PATIENCE_SECONDS):
        raise StoreUnavailable(f"an insert of events has not ended in {_PATIENCE_SECONDS} s")
    return from_micros(now)


def running_inserts_ended(patience: float) -> bool:
    """Wait until every insert that runs now has ended; later ones are not waited for."""
    deadline = time.monotonic() + patience
    running = _running()
    while running:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
        running &= _running()
    return True


def _running() -> set[str]:
    rows = select(f"SELECT query_id FROM system.processes WHERE match(query, '{_INSERTS}')")
    return {query_id for (query_id,) in rows}
