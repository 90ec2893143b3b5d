"""Waits for inserts under way: stamped `received_at` when they begin, seen when they end."""

import time
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from metering.clickhouse.cluster import everywhere
from metering.clickhouse.connection import Row, StoreUnavailable, process_name, select
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
    if not _ended(_running({}), time.monotonic() + _PATIENCE_SECONDS, {}):
        raise StoreUnavailable(f"an insert of events has not ended in {_PATIENCE_SECONDS} s")
    return from_micros(now)


def others_ended(patience: float, **asked: object) -> int | None:
    """Wait until every insert of other processes that runs now has ended.

    The moment of the store's clock, in microseconds, before which all that those received can be
    seen; None if one of them did not end. A server of a cluster that is down is passed over: taking
    events must not depend on it.
    """
    bounds = _passing_over(asked)
    own = process_name()
    found = _processes("Settings['log_comment']", bounds)
    running = {id_ for id_, is_insert, _, process in found if is_insert and process != own}
    ended = _ended(running, time.monotonic() + patience, bounds)
    return min(clock for _, _, clock, _ in found) if ended else None


def _passing_over(asked: Mapping[str, object]) -> Mapping[str, object]:
    return {**asked, "skip_unavailable_shards": 1} if settings.CLICKHOUSE_CLUSTER else asked


def _ended(running: set[str], deadline: float, asked: Mapping[str, object]) -> bool:
    while running:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
        running &= _running(asked)
    return True


def _running(asked: Mapping[str, object]) -> set[str]:
    return {id_ for id_, is_insert, *_ in _processes("''", asked) if is_insert}


def _processes(told: str, asked: Mapping[str, object]) -> list[Row]:
    """Every running query, this one too: its id, whether it inserts, the clock, what is `told`.

    Not only the inserts: for an answer without rows the embedded server asks for its columns.
    """
    return select(
        f"SELECT query_id, match(query, '{_INSERTS}'), toUnixTimestamp64Micro(now64(6)), {told}"
        f" FROM {everywhere('system.processes')}",
        None,
        **asked,
    )
