"""Compares what the door wrote down with what stands in the tables that hold it, by hour.

Each fault is a number of events that are not where the intake says, or whose place nobody wrote
down. Nothing is read from the intake that is not compared with rows somebody else inserted.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.intake import (
    DERIVED,
    END,
    EVENTS,
    FROM,
    RELATED_SPANS,
    ROWS,
    SPANS,
    START,
    UNTIL,
    bound,
)
from metering.usage.period import Period


class Fault(NamedTuple):
    """So many events of an hour of the store's clock, and what is wrong with them."""

    hour: datetime
    events: int
    wrong: str


UNEQUAL = "accepted, duplicates and quarantined are not as many as were received"
MISSING = "were answered as stored and are not in the store"
SURPLUS = "are in the store though fewer were counted at the door"
UNWRITTEN = "are stored by a writer that was killed before it answered; the next rollup counts them"
BEATEN = "were left out in favour of an event that is not there"
UNKNOWN = "were answered as duplicates of events that are not in the store"
UNKEPT = "were answered as quarantined and are not in the quarantine"
UNMADE = "are spans of which no event was made; the next rollup makes them"


def faults(tenant: int, period: Period) -> list[Fault]:
    """Everything that does not add up in the period; empty when all does."""
    found = [*_against_events(tenant, period), *_others(tenant, period)]
    return sorted(found)


def _against_events(tenant: int, period: Period) -> Iterator[Fault]:
    """Rows that were inserted, against what the door says was."""
    for table, commit, some, kinds, since in (
        ("events", "commit", "commit < %(amendment)s", f"('{EVENTS}', '{DERIVED}')", "1"),
        ("trace_spans", "batch", "type != '' AND batch != 0", f"('{SPANS}')", _SPANS_SINCE),
    ):
        sql = _COMPARED.format(table=table, commit=commit, some=some, kinds=kinds, since=since)
        for hour, *counts in select(sql, bound(tenant, period)):
            for events, wrong in zip(counts, (MISSING, SURPLUS, UNWRITTEN), strict=True):
                if events:
                    yield Fault(hour.replace(tzinfo=UTC), events, wrong)


# Old spans are dropped by the month, and can be compared no more.
_SPANS_SINCE = (
    "at >= (SELECT if(count() = 0, now('UTC'), toDateTime(toStartOfMonth(min(received_at)), 'UTC'))"
    " FROM trace_spans)"
)
_COMPARED = (
    "SELECT toStartOfHour(at) AS hour, sumIf(stored - found, known AND stored > found),"
    " sumIf(found - stored, known AND found > stored), sumIf(found, NOT known) FROM ("
    f" SELECT if(known, toDateTime64(written, 6, 'UTC'), first) AS at, known, stored, found FROM"
    "  (SELECT commit, any(hour) AS written, sum(stored) AS stored, true AS known"
    f"   FROM ({ROWS}) WHERE kind IN {{kinds}} GROUP BY commit) AS said"
    "  FULL OUTER JOIN"
    "  (SELECT {commit} AS commit, count() AS found, min(received_at) AS first FROM {table}"
    f"   WHERE tenant = %(tenant)s AND {{some}} AND received_at >= {FROM} AND received_at < {UNTIL}"
    "   GROUP BY {commit}) AS there USING (commit)"
    f" ) WHERE at >= {START} AND at < {END} AND stored != found AND {{since}} GROUP BY hour"
)


def _others(tenant: int, period: Period) -> Iterator[Fault]:
    for sql, wrong in (
        (_UNEQUAL, UNEQUAL),
        (_BEATEN, BEATEN),
        (_UNKNOWN, UNKNOWN),
        (_UNKEPT, UNKEPT),
        (_UNMADE, UNMADE),
    ):
        for hour, events in select(sql, bound(tenant, period)):
            yield Fault(hour.replace(tzinfo=UTC), events, wrong)


_UNEQUAL = (
    "SELECT hour, sum(abs(toInt64(received) - toInt64(stored + duplicates + quarantined)))"
    f" FROM ({ROWS}) WHERE kind != '{DERIVED}' AND hour >= {START} AND hour < {END}"
    " AND received != stored + duplicates + quarantined GROUP BY hour"
)
_LEFT_OUT = (
    "(SELECT identity, commit FROM superseded WHERE tenant = %(tenant)s"
    " UNION ALL SELECT identity, commit FROM amended WHERE tenant = %(tenant)s)"
)
# Of spans another identity may stand for the call; they are looked at below.
_BEATEN = (
    "SELECT toStartOfHour(received_at) AS hour, uniqExact(identity) FROM events"
    f" WHERE tenant = %(tenant)s AND received_at >= {START} AND received_at < {END}"
    f" AND source != %(otlp)s AND (identity, commit) IN {_LEFT_OUT} AND identity NOT IN ("
    "  SELECT identity FROM events WHERE tenant = %(tenant)s"
    f" AND identity IN (SELECT identity FROM {_LEFT_OUT}) AND (identity, commit) NOT IN {_LEFT_OUT}"
    ") GROUP BY hour"
)
_UNKEPT = (
    "SELECT hour, count() FROM (SELECT hour, arrayJoin(refused) AS reference FROM intake"
    f" WHERE tenant = %(tenant)s AND hour >= {START} AND hour < {END})"
    " WHERE reference NOT IN (SELECT reference FROM quarantine WHERE tenant = %(tenant)s)"
    " GROUP BY hour"
)
_KNOWN = (
    "SELECT hour, arrayJoin(known) AS identity FROM intake WHERE tenant = %(tenant)s"
    f" AND hour >= {START} AND hour < {END}"
)
_UNKNOWN = (
    f"SELECT hour, count() FROM ({_KNOWN}) WHERE identity NOT IN (SELECT identity FROM events"
    f" WHERE tenant = %(tenant)s AND identity IN (SELECT identity FROM ({_KNOWN}))) GROUP BY hour"
)
_ID = "concat(trace, '/', span)"
_STANDING = (
    "SELECT id FROM events WHERE tenant = %(tenant)s AND source = %(otlp)s AND id IN"
    f" (SELECT {_ID} FROM trace_spans WHERE {RELATED_SPANS})"
    f" AND (identity, commit) NOT IN {_LEFT_OUT}"
)
_UNMADE = (
    f"SELECT toStartOfHour(received_at) AS hour, uniqExact({_ID}) FROM trace_spans"
    f" WHERE tenant = %(tenant)s AND type != '' AND received_at >= {START} AND received_at < {END}"
    f" AND {_ID} NOT IN ({_STANDING}) AND response NOT IN (SELECT response FROM trace_spans"
    f" WHERE {RELATED_SPANS} AND response != '' AND {_ID} IN ({_STANDING}))"
    # The events of a call that lost spans to their age bear the names of those.
    " AND response NOT IN (SELECT key FROM trace_remains WHERE tenant = %(tenant)s) GROUP BY hour"
)
