"""Replaces events by what is known better now: usage from a richer span, an agent found late.

An amendment is a new row under the same identity. Its version says how much it knew, so whichever
writer comes last, the row that knew most stands, and a reader as of a watermark sees what stood
then. Safe to repeat and to be killed anywhere: doing it again gives the same.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from metering.clickhouse.commit import (
    AMENDMENT,
    VERSION_SHIFT,
    Key,
    Stored,
    insert_events,
    leave_out,
    rows_of,
)
from metering.usage.event import Event

# Replicas may tell the time differently, but none by a day.
_CLOCKS_DIFFER = 24 * 3600 * 1_000_000


class Standing(NamedTuple):
    """The event that shall stand, how much it rests on, and the same call's other identities.

    `received_at` is when its span was received, in µs. `further` has, for each of the keys, the
    identities of its events for other modalities.
    """

    event: Event
    version: int
    received_at: int = 0
    others: tuple[Key, ...] = ()
    further: tuple[tuple[Key, ...], ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """One identity for each span of the call, the one that stands first."""
        return (self.event.source, self.event.id), *self.others

    def ranked(self, found: Mapping[Key, Sequence[Stored]]) -> Iterator[list[Stored]]:
        """Rows of which only the first stands; a further event goes when its span is beaten."""
        yield list(chain(*(found.get(key, ()) for key in self.keys)))
        for number, further in enumerate(self.further):
            for key in further:
                yield list(chain(*(found.get(one, ()) for one in (*self.keys[:number], key))))


def missing(tenant: int, wanted: Sequence[Standing]) -> list[Standing]:
    """Those that have no row at all yet, and have to be committed first."""
    found = rows_of(tenant, (item.keys[0] for item in wanted))
    return [item for item in wanted if item.keys[0] not in found]


def amend(tenant: int, wanted: Sequence[Standing]) -> bool:
    """Make what is stored agree with what is wanted; whether a row had to be added."""
    found = rows_of(tenant, _keys(wanted))
    outdated = [item for item in wanted if _outdated(item, found[item.keys[0]])]
    by_version: dict[int, list[Event]] = defaultdict(list)
    for item in outdated:
        by_version[item.version].append(item.event)
    for version, events in by_version.items():
        commit = AMENDMENT | version << VERSION_SHIFT | secrets.randbits(VERSION_SHIFT)
        insert_events(tenant, commit, events)
    if outdated:
        found |= rows_of(tenant, _keys(outdated))
    leave_out(tenant, list(chain(*(item.ranked(found) for item in wanted))))
    return bool(outdated)


def _keys(wanted: Sequence[Standing]) -> set[Key]:
    return {key for item in wanted for key in chain(item.keys, *item.further)}


def _outdated(item: Standing, rows: Sequence[Stored]) -> bool:
    """An event older than its span is one whose span was dropped and came again: it stays."""
    if not rows or min(row.received_at for row in rows) + _CLOCKS_DIFFER < item.received_at:
        return False
    return rows[0].version < item.version and rows[0].content != item.event.content
