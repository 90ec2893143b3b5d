"""Waits for inserts under way: stamped `received_at` when they begin, seen when they end."""

import time
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from metering.clickhouse.cluster import everywhere
from metering.clickhouse.connection import StoreUnavailable, select
from metering.clickhouse.event_columns import from_micros

# More than a commit may take, so only a writer that hangs makes anybody wait as long.
_PATIENCE_SECONDS = 60
_PAUSE = 0.005
# Of events, and of what says which of them stand: a rollup must not miss either. On a shard of a
# cluster the same insert goes on under the name of the table that holds the rows.
_INSERTS = "^INSERT INTO ([^ (]+[.])?`?(events|superseded|amended)(_local)?`? "


def store_now() -> datetime:
    """A moment of the store's clock such that every event received before it can be seen.

    A cluster has a clock on each server, and the one that is behind decides. So all must answer.
    """
    clocks = select(
        f"SELECT toUnixTimestamp64Micro(nowInBlock64(6)) FROM {everywhere('system.one')}"
    )
    now = min(clock for (clock,) in clocks)
    if not _inserts_ended(_PATIENCE_SECONDS):
        raise StoreUnavailable(f"an insert of events has not ended in {_PATIENCE_SECONDS} s")
    return from_micros(now)


def running_inserts_ended(patience: float, **asked: object) -> bool:
    """Wait until every insert that runs now has ended; later ones are not waited for.

    A server of a cluster that is down is passed over: taking events must not depend on it.
    """
    if settings.CLICKHOUSE_CLUSTER:
        asked["skip_unavailable_shards"] = 1
    return _inserts_ended(patience, **asked)


def _inserts_ended(patience: float, **asked: object) -> bool:
    deadline = time.monotonic() + patience
    running = _running(asked)
    while running:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
        running &= _running(asked)
    return True


def _running(asked: Mapping[str, object]) -> set[str]:
    # One row whatever there is: for an answer of none the embedded server asks for its columns.
    [(running,)] = select(
        "SELECT groupArray(query_id)"
        f" FROM {everywhere('system.processes')} WHERE match(query, '{_INSERTS}')",
        None,
        **asked,
    )
    return set(running)
