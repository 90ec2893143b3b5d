"""The yardstick of `bench ingest`: clickhouse-driver alone, writing what is columns already."""

import time
from collections.abc import Sequence
from pathlib import Path

from clickhouse_driver import Client
from django.conf import settings

from metering.clickhouse.embedded.launch import ensure_running
from metering.clickhouse.event_columns import event_columns, numbered
from metering.usage.event import Event

_TABLE = "bench_events"


def bare_rows_per_second(folder: Path, events: Sequence[Event], block: int) -> float:
    """Rows per second into an empty copy of the table `events`; events are of one type."""
    kind = type(events[0].data)
    rows = numbered(events)
    blocks = [
        event_columns(1, 1, kind, rows[start : start + block])
        for start in range(0, len(rows), block)
    ]
    client = Client.from_url(settings.CLICKHOUSE_URL or ensure_running(folder) + "?compression=lz4")
    client.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    client.execute(f"CREATE TABLE {_TABLE} AS events")
    sql = f"INSERT INTO {_TABLE} ({', '.join(blocks[0])}) VALUES"
    begun = time.perf_counter()
    for columns in blocks:
        client.execute(sql, list(columns.values()), columnar=True, types_check=False)
    seconds = time.perf_counter() - begun
    client.execute(f"DROP TABLE {_TABLE}")
    client.disconnect()
    return len(rows) / seconds
