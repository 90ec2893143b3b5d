"""Reads the quarantine with what was done about each entry, and writes down what is done."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from metering.clickhouse.connection import Row, insert, select
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.quarantine import UNMETERED
from metering.clickhouse.scope import Bound

# What has become of an entry; `failed` is an action as well, after which it goes on waiting.
WAITING, REPLAYED, DROPPED = "waiting", "replayed", "dropped"
STATES = (WAITING, REPLAYED, DROPPED)
FAILED = "failed"


class Quarantined(NamedTuple):
    """An entry: what came, why it was refused, and what has been done about it.

    `repaired` is the last attempt to mend it, of which `detail` says what is still wrong; `note`
    is why it was dropped, `actor` and `acted_at` say who did the last thing and when.
    """

    reference: uuid.UUID
    received_at: datetime
    source: str
    id: str
    detail: str
    body: str
    raw: bytes = b""
    state: str = WAITING
    repaired: str = ""
    note: str = ""
    actor: str = ""
    acted_at: datetime | None = None

    @property
    def unmetered(self) -> bool:
        return self.detail.startswith(UNMETERED)


class Reason(NamedTuple):
    """How many entries are there for the same reason, or from the same source."""

    name: str
    events: int
    unmetered: int
    first_received_at: datetime
    last_received_at: datetime


class Action(NamedTuple):
    """Something done about an entry; see schema/0013_quarantine_actions.sql."""

    reference: uuid.UUID
    action: str
    actor: str
    detail: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Which entries of a tenant are meant: all conditions hold; times are half-open."""

    tenant: int
    state: str = WAITING  # empty for any
    detail: str = ""  # how the reason begins
    source: str | None = None
    unmetered: bool | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    reference: uuid.UUID | None = None

    def page(self, limit: int, after: uuid.UUID | None = None) -> list[Quarantined]:
        """By reference, from the one after `after` on."""
        where, bound = self._where()
        rows = select(
            f"SELECT {_SHOWN} FROM ({_ENTRIES}) WHERE {where} AND reference > toUUID(%(after)s)"
            " ORDER BY reference LIMIT %(limit)s",
            bound | {"limit": limit, "after": str(after or uuid.UUID(int=0))},
        )
        return [_entry(row) for row in rows]

    def count(self) -> int:
        """How many there are."""
        where, bound = self._where()
        [(found,)] = select(f"SELECT count() FROM ({_ENTRIES}) WHERE {where}", bound)
        return int(found)

    def by(self, what: str, limit: int) -> list[Reason]:
        """Counted by `detail` or `source`, the most frequent first."""
        column = _GROUPS[what]
        where, bound = self._where()
        rows = select(
            f"SELECT {column} AS name, count() AS events, countIf(startsWith(why, %(kind)s)),"
            " toUnixTimestamp64Micro(min(received_at)), toUnixTimestamp64Micro(max(received_at))"
            f" FROM ({_ENTRIES}) WHERE {where} GROUP BY name ORDER BY events DESC, name"
            " LIMIT %(limit)s",
            bound | {"limit": limit, "kind": UNMETERED},
        )
        return [
            Reason(name, events, unmetered, from_micros(first), from_micros(last))
            for name, events, unmetered, first, last in rows
        ]

    def _where(self) -> tuple[str, Bound]:
        bound: Bound = {"tenant": self.tenant, "kind": UNMETERED}
        asked = {
            "state = %(state)s": ("state", self.state or None),
            "startsWith(why, %(detail)s)": ("detail", self.detail or None),
            "source = %(source)s": ("source", self.source),
            "startsWith(why, %(kind)s) = %(unmetered)s": ("unmetered", self.unmetered),
            "received_at >= fromUnixTimestamp64Micro(%(from)s)": ("from", _us(self.received_from)),
            "received_at < fromUnixTimestamp64Micro(%(to)s)": ("to", _us(self.received_to)),
            "reference = toUUID(%(reference)s)": (
                "reference",
                str(self.reference) if self.reference else None,
            ),
        }
        chosen = {sql: pair for sql, pair in asked.items() if pair[1] is not None}
        return " AND ".join(["1", *chosen]), bound | dict(chosen.values())


_GROUPS = {"detail": "why", "source": "source"}
# Once an entry is replayed or dropped it stays so, also when the same bytes are sent again.
_ACTIONS = (
    f"SELECT reference, argMaxIf(action, acted_at, action != '{FAILED}') AS done,"
    f" argMaxIf(detail, acted_at, action = '{FAILED}') AS still,"
    f" argMaxIf(detail, acted_at, action = '{DROPPED}') AS note, argMax(body, acted_at) AS tried,"
    " argMax(actor, acted_at) AS who, max(acted_at) AS last_at"
    " FROM quarantine_actions WHERE tenant = %(tenant)s GROUP BY reference"
)
_ENTRIES = (
    "SELECT reference, received_at, source, id, if(still = '', detail, still) AS why, body,"
    f" if(done = '', '{WAITING}', done) AS state, tried, note, who, last_at"
    " FROM (SELECT * FROM quarantine FINAL WHERE tenant = %(tenant)s) AS entries"
    f" LEFT JOIN ({_ACTIONS}) AS acts USING (reference)"
)
_SHOWN = (
    "reference, toUnixTimestamp64Micro(received_at), source, id, why, body, state, tried, note,"
    " who, toUnixTimestamp64Micro(last_at)"
)


def act(tenant: int, actions: Sequence[Action]) -> None:
    """Write down what was done; durable when this returns."""
    if actions:
        columns = [list(column) for column in zip(*actions, strict=True)]
        names = ["tenant", *Action._fields]
        insert("quarantine_actions", names, [[tenant] * len(actions), *columns])


def _entry(row: Row) -> Quarantined:
    reference, received_at, source, id_, why, body, state, tried, note, who, last_at = row
    # The driver leaves as bytes what is not UTF-8.
    raw = body.encode() if isinstance(body, str) else body
    return Quarantined(
        reference=reference,
        received_at=from_micros(received_at),
        source=source,
        id=id_,
        detail=why,
        body=raw.decode(errors="replace"),
        raw=raw,
        state=state,
        repaired=tried,
        note=note,
        actor=who,
        acted_at=from_micros(last_at) if who else None,
    )


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)
