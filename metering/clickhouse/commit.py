"""Writes events so that each identity counts once and the first one received wins for ever.

Look the identities up, insert the unknown ones, wait for inserts that began earlier, look again.
The second look sees every other writer that inserted the same identity before; of the rows it
finds, the earliest by (received_at, commit) stays and the others are named in `superseded`. All
writers come to the same answer, and none answers its client before it is written down. The second
look is left out where nobody else can have stored anything between the two (moment.py).

A row may be replaced by one that knows more of the same call (amend.py); then it stands until its
replacement was received, for whoever reads as of a watermark.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.conf import settings

from metering.clickhouse import moment
from metering.clickhouse.connection import insert, select
from metering.clickhouse.event_columns import Numbered, event_columns, numbered
from metering.usage.event import Data, Event, identity_of

Key = tuple[str, str]  # (source, id): the identity itself, within a tenant

# Identities travel as one literal of 16 hexadecimal digits each, unpacked by ClickHouse: a list of
# numbers costs ten times as long to parse, and the driver escapes a bound string letter by letter.
# So many stay well inside ClickHouse's 256 KiB of query text.
_LOOKUP_SIZE = 10_000
_PATIENCE_SECONDS = 2
# A commit is a random number of 63 bits; that of an amendment has the highest bit set, then its
# version in 32 bits, then 31 random ones.
AMENDMENT = 1 << 63
VERSION_SHIFT = 31


@dataclass(slots=True)
class Committed:
    """What became of the events of one commit, by their position in it."""

    accepted: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)  # of the duplicates, those that differ
    lost: list[int] = field(default_factory=list)  # of the duplicates, those that were inserted
    commit: int = 0  # the number of the rows that were inserted, if any were


class Stored(NamedTuple):
    """A row of `events`, as far as it decides which row of an identity stands."""

    identity: int
    source: str
    id: str
    content: int
    commit: int
    received_at: int
    time: int

    @property
    def key(self) -> Key:
        return self.source, self.id

    @property
    def version(self) -> int:
        """How much an amendment knew; 0 for what came in as it is."""
        return (self.commit & ~AMENDMENT) >> VERSION_SHIFT if self.commit & AMENDMENT else 0

    @property
    def precedence(self) -> tuple[int, int, int]:
        """The row that stands comes first."""
        return -self.version, self.received_at, self.commit

    @property
    def arrival(self) -> tuple[bool, int, int]:
        """The row that came in first comes first."""
        return self.version > 0, self.received_at, self.commit


def commit_events(tenant: int, events: Sequence[Numbered]) -> Committed:
    """Store what is new; durable when this returns. After StoreUnavailable it may be repeated.

    One commit of a tenant at a time in a process: others wait.
    """
    with moment.alone(tenant):
        settled_until = moment.settled_until()
        distinct = {item.identity for item in events}
        winners = _settled(tenant, _stored(tenant, distinct))
        result = Committed()
        if winners or len(distinct) < len(events):
            fresh = _fresh(events, winners, result)
        else:
            fresh = dict(enumerate(events))
        if fresh:
            _store(tenant, fresh, result, settled_until)
    return result


def _fresh(
    events: Sequence[Numbered], winners: Mapping[Key, Stored], result: Committed
) -> dict[int, Numbered]:
    """The events that are neither stored nor earlier in the same commit, by position."""
    fresh: dict[Key, int] = {}
    for position, item in enumerate(events):
        if known := winners.get(item.key):
            _count_duplicate(result, position, item, known.content)
        elif item.key in fresh:
            _count_duplicate(result, position, item, events[fresh[item.key]].content)
        else:
            fresh[item.key] = position
    return {position: events[position] for position in fresh.values()}


def _store(
    tenant: int, fresh: Mapping[int, Numbered], result: Committed, settled_until: int | None
) -> None:
    """Insert, and tell which of the rows stand."""
    commit = result.commit = moment.new_commit()
    _insert_rows(tenant, commit, fresh.values())
    # Whoever was received before this commit shall be seen by its second look. A writer that hangs
    # is not waited for: then two may be told that theirs was accepted, while totals count one.
    ended = moment.wait_for_others(_PATIENCE_SECONDS, **_bounds())
    if ended and not moment.others_since(tenant, settled_until, **_bounds()):
        result.accepted.extend(fresh)
        return
    several = _several(tenant, [item.identity for item in fresh.values()])
    winners = _settled(tenant, _stored(tenant, several))
    for position, item in fresh.items():
        winner = winners.get(item.key)
        if winner is None or winner.commit == commit:
            result.accepted.append(position)
        else:
            result.lost.append(position)
            _count_duplicate(result, position, item, winner.content)


def _count_duplicate(result: Committed, position: int, item: Numbered, stored_content: int) -> None:
    result.duplicates.append(position)
    if item.content != stored_content:
        result.conflicts.append(position)


def insert_events(tenant: int, commit: int, events: Sequence[Event]) -> None:
    """Insert events without looking; for a caller that settles them itself."""
    _insert_rows(tenant, commit, numbered(events))


def _insert_rows(tenant: int, commit: int, fresh: Iterable[Numbered]) -> None:
    """One block for each kind of data: a kind fills only its own columns."""
    by_kind: dict[type[Data], list[Numbered]] = defaultdict(list)
    for item in fresh:
        by_kind[type(item.event.data)].append(item)
    for kind, rows in by_kind.items():
        columns = event_columns(tenant, commit, kind, rows)
        insert("events", list(columns), list(columns.values()), **_bounds())


def _stored(tenant: int, identities: Iterable[int]) -> Iterator[Stored]:
    wanted = list(identities)
    for start in range(0, len(wanted), _LOOKUP_SIZE):
        # One row whatever is found, mostly nothing: for an answer without rows the embedded server
        # asks for its columns.
        [(rows,)] = select(
            "SELECT groupArray((identity, source, id, content, commit,"
            " toUnixTimestamp64Micro(received_at), toUnixTimestamp64Micro(time)))"
            " FROM events WHERE tenant = %(tenant)s AND "
            + _among(wanted[start : start + _LOOKUP_SIZE]),
            {"tenant": tenant},
            **_bounds(),
        )
        yield from (Stored(*row) for row in rows)


def _bounds() -> dict[str, object]:
    """The same for each query of a commit, so that none has to change them."""
    return {"max_execution_time": settings.INGEST_COMMIT_SECONDS}


def _among(identities: Sequence[int]) -> str:
    """`identity IN` these; of nothing but hexadecimal digits, so there is nothing to escape."""
    digits = struct.pack(f"<{len(identities)}Q", *identities).hex()
    return f"identity IN (SELECT arrayJoin(reinterpret(unhex('{digits}'), 'Array(UInt64)')))"


def _several(tenant: int, identities: Sequence[int]) -> list[int]:
    """Of these, the identities with more than one row; mostly none, and then no row is read."""
    several: list[int] = []
    for start in range(0, len(identities), _LOOKUP_SIZE):
        [(found,)] = select(
            "SELECT groupArray(identity) FROM ("
            "SELECT identity FROM events WHERE tenant = %(tenant)s AND "
            + _among(identities[start : start + _LOOKUP_SIZE])
            + " GROUP BY identity HAVING count() > 1)",
            {"tenant": tenant},
            **_bounds(),
        )
        several += found
    return several


def _settled(tenant: int, rows: Iterable[Stored]) -> dict[Key, Stored]:
    """The first received of each identity; rows that do not stand are written down first."""
    rivals: dict[Key, list[Stored]] = defaultdict(list)
    for row in rows:
        rivals[row.key].append(row)
    leave_out(tenant, [sorted(group, key=lambda row: row.precedence) for group in rivals.values()])
    return {key: min(group, key=lambda row: row.arrival) for key, group in rivals.items()}


def rows_of(tenant: int, keys: Iterable[Key]) -> dict[Key, list[Stored]]:
    """Every row of these identities, the one that stands first."""
    found: dict[Key, list[Stored]] = defaultdict(list)
    for row in _stored(tenant, {identity_of(*key) for key in keys}):
        found[row.key].append(row)
    for group in found.values():
        group.sort(key=lambda row: row.precedence)
    return found


def leave_out(tenant: int, ranked: Iterable[Sequence[Stored]]) -> None:
    """Write down which rows do not stand; each sequence is one event's, the row that does first.

    A row that was beaten by one received earlier never stood; one beaten later stood until then.
    """
    superseded, amended = [], []
    for rows in ranked:
        earliest = rows[0].received_at if rows else 0
        for row in rows[1:]:
            if earliest <= row.received_at:
                superseded.append(row)
            else:
                amended.append((row, earliest))
            earliest = min(earliest, row.received_at)
    supersede(tenant, superseded)
    _amend(tenant, amended)


def _amend(tenant: int, beaten: Sequence[tuple[Stored, int]]) -> None:
    """Leave these rows out from when their replacements were received; nothing if known."""
    known = set(_amended(tenant, [row.identity for row, _ in beaten]))
    fresh = [(row, at) for row, at in beaten if (row.identity, row.commit, at) not in known]
    if fresh:
        insert(
            "amended",
            ["tenant", "identity", "commit", "time", "amended_at"],
            [
                [tenant] * len(fresh),
                [row.identity for row, _ in fresh],
                [row.commit for row, _ in fresh],
                [row.time for row, _ in fresh],
                [at for _, at in fresh],
            ],
        )


def _amended(tenant: int, identities: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    for start in range(0, len(identities), _LOOKUP_SIZE):
        rows = select(
            "SELECT identity, commit, toUnixTimestamp64Micro(amended_at) FROM amended"
            " WHERE tenant = %(tenant)s AND " + _among(identities[start : start + _LOOKUP_SIZE]),
            {"tenant": tenant},
        )
        yield from ((identity, commit, at) for identity, commit, at in rows)


def supersede(tenant: int, losers: Sequence[Stored]) -> None:
    """Leave these rows out of every query from now on."""
    if not losers:
        return
    insert(
        "superseded",
        ["tenant", "identity", "commit", "time"],
        [
            [tenant] * len(losers),
            [row.identity for row in losers],
            [row.commit for row in losers],
            [row.time for row in losers],
        ],
    )


def settle_received(tenant: int, since: int, until: int) -> None:
    """Settle what a writer killed between its insert and its second look left behind.

    `since` and `until` are microseconds of `received_at`, half-open.
    """
    rows = select(
        "SELECT DISTINCT identity FROM events WHERE tenant = %(tenant)s AND identity IN ("
        " SELECT identity FROM events WHERE tenant = %(tenant)s"
        " AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s))"
        " GROUP BY identity HAVING count() > 1",
        {"tenant": tenant, "since": since, "until": until},
    )
    _settled(tenant, _stored(tenant, [identity for (identity,) in rows]))


def settle_several(since: Mapping[int, int], until: int) -> None:
    """The same as `settle_received` for several tenants, each since a moment of its own."""
    rows = select(
        "SELECT tenant, groupArray(identity) FROM ("
        " SELECT tenant, identity FROM events WHERE tenant IN %(tenants)s"
        " AND (tenant, identity) IN ("
        " SELECT tenant, identity FROM events WHERE tenant IN %(tenants)s"
        " AND received_at >= fromUnixTimestamp64Micro(%(first)s)"
        " AND received_at >= fromUnixTimestamp64Micro("
        "transform(tenant, %(ids)s, %(since)s::Array(Int64), 0::Int64))"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s))"
        " GROUP BY tenant, identity HAVING count() > 1) GROUP BY tenant",
        {
            "tenants": tuple(since),
            "ids": list(since),
            "since": list(since.values()),
            "first": min(since.values()),
            "until": until,
        },
    )
    for tenant, identities in rows:
        _settled(tenant, _stored(tenant, identities))
