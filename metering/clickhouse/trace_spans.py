"""What is kept of spans: written before their events are, and read back by trace."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from metering.clickhouse.cluster import on_cluster, stored
from metering.clickhouse.connection import command, insert, select
from metering.clickhouse.event_columns import micros
from metering.usage.trace import SOURCE, Staged

_COLUMNS = Staged._fields[:-1]
# A look-up names so many traces or responses; well inside ClickHouse's 256 KiB of query text.
_LOOKUP_SIZE = 2_000


def keep(tenant: int, spans: Sequence[Staged], batch: int) -> None:
    """Write down spans, under the number of their request; durable when this returns."""
    if spans:
        columns = [list(column) for column in zip(*(span.content for span in spans), strict=True)]
        own = [[tenant] * len(spans), [batch] * len(spans)]
        insert("trace_spans", ["tenant", "batch", *_COLUMNS], [*own, *columns])


def spans_of(tenant: int, traces: Iterable[str]) -> list[Staged]:
    """Every span that is known of these traces."""
    return [
        Staged(*row)._replace(body=row[-2].encode())
        for some in _lots(traces)
        for row in select(
            f"SELECT {', '.join(_COLUMNS)}, toUnixTimestamp64Micro(received_at)"
            " FROM trace_spans WHERE tenant = %(tenant)s AND trace IN %(traces)s",
            {"tenant": tenant, "traces": some},
        )
    ]


def traces_of(tenant: int, responses: Iterable[str]) -> set[str]:
    """The traces in which a call with one of these responses is known."""
    return {
        trace
        for some in _lots(responses)
        for (trace,) in select(
            "SELECT DISTINCT trace FROM trace_spans"
            " WHERE tenant = %(tenant)s AND response IN %(responses)s",
            {"tenant": tenant, "responses": some},
        )
    }


def count(tenant: int, traces: Iterable[str]) -> int:
    """How many spans are known of these traces; another number means another answer."""
    return sum(
        found
        for some in _lots(traces)
        for (found,) in select(
            "SELECT count() FROM trace_spans WHERE tenant = %(tenant)s AND trace IN %(traces)s",
            {"tenant": tenant, "traces": some},
        )
    )


def touched(tenant: int, since: int, until: int) -> list[str]:
    """Traces of which a span or an event was received in this range of µs, half-open."""
    received = (
        "tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s)"
    )
    rows = select(
        f"SELECT DISTINCT trace FROM trace_spans WHERE {received} UNION DISTINCT"
        " SELECT DISTINCT splitByChar('/', id)[1] AS trace FROM events"
        f" WHERE {received} AND source = %(source)s",
        {"tenant": tenant, "since": since, "until": until, "source": SOURCE},
    )
    return sorted(trace for (trace,) in rows)


def tenants_touched(since: Mapping[int, int], until: int) -> set[int]:
    """Of these tenants, each since a moment of its own (µs), those with a trace `touched`."""
    received = (
        "tenant IN %(tenants)s AND received_at >= fromUnixTimestamp64Micro(%(first)s)"
        " AND received_at >= fromUnixTimestamp64Micro("
        "transform(tenant, %(ids)s, %(since)s::Array(Int64), 0::Int64))"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s)"
    )
    rows = select(
        f"SELECT DISTINCT tenant FROM trace_spans WHERE {received} UNION DISTINCT"
        f" SELECT DISTINCT tenant FROM events WHERE {received} AND source = %(source)s",
        {
            "tenants": tuple(since),
            "ids": list(since),
            "since": list(since.values()),
            "first": min(since.values()),
            "until": until,
            "source": SOURCE,
        },
    )
    return {tenant for (tenant,) in rows}


def remains(tenant: int, keys: Iterable[str]) -> set[str]:
    """Of these responses and traces those of which a span was dropped.

    To be asked after the spans were read: then whatever was gone by that time is found here.
    """
    return {
        key
        for some in _lots(keys)
        for (key,) in select(
            "SELECT key FROM trace_remains WHERE tenant = %(tenant)s AND key IN %(keys)s",
            {"tenant": tenant, "keys": some},
        )
    }


def drop_before(cutoff: datetime) -> list[str]:
    """Drop the spans of whole months received before the cutoff; returns these months.

    What has to be remembered of them is written down first. Safe to be killed and to run twice.
    """
    month = cutoff.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    old = "received_at < fromUnixTimestamp64Micro(%(month)s)"
    bound: dict[str, object] = {"month": micros(month)}
    found = select(f"SELECT DISTINCT _partition_id FROM trace_spans WHERE {old}", bound)
    if not found:
        return []
    for keys in (
        f"SELECT tenant, response FROM trace_spans WHERE {old} AND response != ''",
        # The table is sorted by tenant and trace, so this holds one trace in memory at a time.
        "SELECT tenant, trace FROM trace_spans GROUP BY tenant, trace"
        f" HAVING countIf({old}) BETWEEN 1 AND count() - 1"
        " SETTINGS optimize_aggregation_in_order = 1",
    ):
        command(f"INSERT INTO trace_remains (tenant, key) {keys}", bound)
    months = sorted({partition for (partition,) in found})
    for partition in months:
        command(
            f"ALTER TABLE {stored('trace_spans')}{on_cluster()} DROP PARTITION ID %(partition)s",
            {"partition": partition},
        )
    return months


def _lots(names: Iterable[str]) -> Iterator[list[str]]:
    distinct = sorted(set(names))
    for start in range(0, len(distinct), _LOOKUP_SIZE):
        yield distinct[start : start + _LOOKUP_SIZE]
