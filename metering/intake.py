"""Counts what comes to the door, and writes it down beside what became of it before anybody hears.

docs/decisions/0010-intake.md
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from metering.clickhouse.commit import Committed
from metering.clickhouse.event_columns import Numbered
from metering.clickhouse.intake import DERIVED, EVENTS, SPANS, Intake, record
from metering.clickhouse.quarantine import Conflict, Refused, record_conflicts


@dataclass(frozen=True, slots=True)
class Door:
    """What one request brought, counted before anything of it was looked at.

    `events` are the valid ones with the bytes they came as, `refused` the others, which are in
    quarantine already.
    """

    received: int
    events: Sequence[Numbered] = ()
    origins: Sequence[bytes] = ()
    refused: Sequence[Refused] = ()
    replayed: bool = False


# A request and what became of its events.
Counted = tuple[Door, Committed]


def account_events(tenant: int, commit: int, counted: Sequence[Counted]) -> None:
    """One row for all that was committed together; conflicts are kept before they are counted."""
    conflicts = [
        Conflict(*door.events[n].key, door.origins[n])
        for door, committed in counted
        for n in committed.conflicts
    ]
    if conflicts:
        record_conflicts(tenant, conflicts)
    if counted:
        record(tenant, _intake(commit or _number(), counted, len(conflicts)))


def account_derived(tenant: int, commit: int, counted: Sequence[Counted]) -> None:
    """Events made of spans, which were received as spans: only how many rows there are of them."""
    if commit:
        stored = _stored(committed for _, committed in counted)
        record(tenant, Intake(commit, DERIVED, stored=stored))


def account_spans(tenant: int, batch: int, kept: int, known: int, conflicts: int) -> None:
    """Spans of one request that tell of calls, tools and tasks: those kept, those known before."""
    if kept or known:
        record(
            tenant,
            Intake(batch, SPANS, kept + known, stored=kept, duplicates=known, conflicts=conflicts),
        )


def _intake(commit: int, counted: Sequence[Counted], conflicts: int) -> Intake:
    known = list(_known(counted))
    refused = [item for door, _ in counted for item in door.refused]
    return Intake(
        commit=commit,
        kind=EVENTS,
        received=sum(door.received for door, _ in counted),
        stored=_stored(committed for _, committed in counted),
        duplicates=len(known),
        conflicts=conflicts,
        refused=[item.reference for item in refused],
        known=known,
        unmetered=sum(item.unmetered for item in refused),
        replayed=sum(door.received for door, _ in counted if door.replayed),
    )


def _known(counted: Sequence[Counted]) -> Iterator[int]:
    """The identities of what was not inserted, since it was there."""
    for door, committed in counted:
        lost = set(committed.lost)
        yield from (door.events[n].identity for n in committed.duplicates if n not in lost)


def _stored(results: Iterable[Committed]) -> int:
    """How many rows were inserted; one that lost a race is a row as well."""
    return sum(len(result.accepted) + len(result.lost) for result in results)


def _number() -> int:
    """For what left no row: a commit of its own."""
    return secrets.randbits(63)


def new_batch() -> int:
    """A number for the spans of a request; 0 is for those kept before there were any."""
    return secrets.randbits(63) | 1
