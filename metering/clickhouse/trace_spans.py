"""What is kept of spans: written before their events are, and read back by trace."""

from collections.abc import Iterable, Iterator, Sequence

from metering.clickhouse.connection import insert, select
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


def _lots(names: Iterable[str]) -> Iterator[list[str]]:
    distinct = sorted(set(names))
    for start in range(0, len(distinct), _LOOKUP_SIZE):
        yield distinct[start : start + _LOOKUP_SIZE]
