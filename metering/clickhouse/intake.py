"""What came to the door, by hour: written once for each commit, read against what is stored.

A row says how many events were received, and how many of them were inserted, known already, or
refused. Which of the inserted rows are accepted events is read from the store: a row that lost a
race, or a span that tells of a call already told of, is a duplicate.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings

from metering.clickhouse.commit import AMENDMENT
from metering.clickhouse.connection import Row, insert, select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.quarantine import UNMETERED
from metering.clickhouse.scope import Bound
from metering.usage.period import Period
from metering.usage.trace import SOURCE

# What a row is of: clients' events, clients' spans, or the events made of spans.
EVENTS, SPANS, DERIVED = "events", "spans", "derived"


class Intake(NamedTuple):
    """A commit as the door saw it; its hour is that of the store's clock."""

    commit: int
    kind: str
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: list[uuid.UUID] = []
    known: list[int] = []
    unmetered: int = 0
    replayed: int = 0
    recovered: bool = False


class IntakeHour(NamedTuple):
    """What became of all that was received in an hour of the store's clock.

    `conflicts` are among the duplicates, `unmetered` among the quarantined, `replayed` and
    `recovered` among the received.
    """

    hour: datetime
    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    unmetered: int = 0
    replayed: int = 0
    recovered: int = 0


def record(tenant: int, intake: Intake) -> None:
    """Write down a commit; durable when this returns."""
    columns: list[list[Any]] = [[tenant]]
    columns += [[value] for value in intake]
    # The bound of the commit before it, so that the connection need not change its settings.
    bounds = {"max_execution_time": settings.INGEST_COMMIT_SECONDS}
    insert("intake", ["tenant", *Intake._fields], columns, **bounds)


def bound(tenant: int, period: Period) -> Bound:
    """The values of the queries over hours."""
    return {
        "tenant": tenant,
        "start": micros(period.start),
        "end": micros(period.end),
        "otlp": SOURCE,
        "amendment": AMENDMENT,
        "unmetered": f"{UNMETERED}%",
    }


START, END = (
    "fromUnixTimestamp64Micro(%(start)s, 'UTC')",
    "fromUnixTimestamp64Micro(%(end)s, 'UTC')",
)
# A commit may begin in one hour and be written down in the next.
FROM, UNTIL = f"({START} - INTERVAL 1 HOUR)", f"({END} + INTERVAL 1 HOUR)"
_COLUMNS = (
    "hour, commit, kind, received, stored, duplicates, conflicts, length(refused) AS quarantined,"
    " unmetered, replayed, recovered"
)
_OF_TENANT = "FROM intake{final} WHERE tenant = %(tenant)s"
_IN_HOURS = f"hour >= toStartOfHour({FROM}) AND hour < {UNTIL}"
# A row that was added for a writer taken for dead gives way to the writer's own. Only the few added
# ones are looked at twice.
ROWS = (
    f"SELECT {_COLUMNS} {_OF_TENANT.format(final='')} AND {_IN_HOURS} AND NOT recovered"
    f" UNION ALL SELECT {_COLUMNS} {_OF_TENANT.format(final=' FINAL')} AND {_IN_HOURS}"
    f" AND recovered AND commit NOT IN (SELECT commit {_OF_TENANT.format(final='')}"
    f" AND NOT recovered AND commit IN (SELECT commit {_OF_TENANT.format(final='')} AND recovered))"
)
SPAN_RECEIVED = (
    f"tenant = %(tenant)s AND type != '' AND received_at >= {FROM} AND received_at < {UNTIL}"
)
# Typed spans of the hours, and those that tell of the same calls, whenever they came.
RELATED_SPANS = (
    f"tenant = %(tenant)s AND type != '' AND (received_at >= {FROM} AND received_at < {UNTIL}"
    " OR response IN (SELECT response FROM trace_spans"
    f" WHERE {SPAN_RECEIVED} AND response != ''))"
)
# Inserted rows that are no event of their own, by commit.
_LOST = (
    f"SELECT '{EVENTS}' AS kind, commit, count() AS lost FROM"
    " (SELECT DISTINCT identity, commit FROM superseded WHERE tenant = %(tenant)s) GROUP BY commit"
    f" UNION ALL SELECT '{SPANS}' AS kind, batch AS commit, count() AS lost FROM ("
    "  SELECT batch, row_number() OVER (PARTITION BY if(response = '',"
    "   concat(trace, '/', span), response) ORDER BY received_at, trace, span, batch) AS place"
    f"  FROM trace_spans WHERE {RELATED_SPANS}"
    ") WHERE place > 1 GROUP BY batch"
)


def hours(tenant: int, period: Period) -> list[IntakeHour]:
    """The hours that begin in the period and in which anything was received."""
    rows = select(
        "SELECT hour, sum(received), sum(toInt64(stored) - toInt64(lost)),"
        " sum(duplicates + lost), sum(conflicts), sum(quarantined), sum(unmetered),"
        " sum(replayed), sumIf(received, recovered)"
        f" FROM ({ROWS}) AS taken LEFT JOIN ({_LOST}) AS beaten USING (kind, commit)"
        f" WHERE kind != '{DERIVED}' AND hour >= {START} AND hour < {END}"
        " GROUP BY hour ORDER BY hour",
        bound(tenant, period),
    )
    return [IntakeHour(hour.replace(tzinfo=UTC), *counts) for hour, *counts in rows]


def recover(tenant: int, period: Period) -> int:
    """Add what killed writers never wrote down of what they stored in the period; how many.

    Whoever waited for them has no answer and sends again, which counts as received once more.
    """
    found = [
        row
        for sql in (_EVENTS_ALONE, _SPANS_ALONE, _REFUSED_ALONE)
        for row in select(sql, bound(tenant, period))
    ]
    if found:
        _add(tenant, found)
    return len(found)


def _add(tenant: int, found: list[Row]) -> None:
    names = ["hour", "commit", "kind", "received", "stored", "refused", "unmetered"]
    insert(
        "intake",
        ["tenant", "recovered", *names],
        [[tenant] * len(found), [True] * len(found), *map(list, zip(*found, strict=True))],
    )


def _alone(table: str, commit: str, some: str, kind: str) -> str:
    """Commits of which rows were received in the period, and which are in no row of the intake.

    Their rows are counted over more than the period, for a commit may have several inserts.
    """
    unknown = (
        f"SELECT {commit} FROM {table} WHERE tenant = %(tenant)s AND {some}"
        f" AND received_at >= {START} AND received_at < {END} AND {commit} NOT IN"
        f" (SELECT commit FROM intake WHERE tenant = %(tenant)s AND hour >= toStartOfHour({FROM}))"
    )
    return (
        f"SELECT toStartOfHour(min(received_at)), {commit}, {kind} AS what,"
        f" if(what = '{DERIVED}', 0, count()), count(), CAST([], 'Array(UUID)'), 0 FROM {table}"
        f" WHERE tenant = %(tenant)s AND {some} AND received_at >= {FROM}"
        f" AND {commit} IN ({unknown}) GROUP BY {commit}"
    )


_EVENTS_ALONE = _alone(
    "events",
    "commit",
    "commit < %(amendment)s",
    f"if(countIf(source != %(otlp)s) = 0, '{DERIVED}', '{EVENTS}')",
)
_SPANS_ALONE = _alone("trace_spans", "batch", "type != '' AND batch != 0", f"'{SPANS}'")
# The number is a digest, so that two workers add the same row.
_REFUSED_ALONE = (
    "SELECT toStartOfHour(max(received_at)), bitShiftRight(cityHash64(reference), 1),"
    f" '{EVENTS}', 1, 0, [reference], toUInt64(max(detail LIKE %(unmetered)s)) FROM quarantine"
    f" WHERE tenant = %(tenant)s AND received_at >= {START} AND received_at < {END}"
    " AND reference NOT IN (SELECT arrayJoin(refused) FROM intake WHERE tenant = %(tenant)s)"
    " GROUP BY reference"
)
