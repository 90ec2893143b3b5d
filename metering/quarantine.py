"""What can be done about an event that was refused: replay it, repaired or not, or drop it.

A replay goes the way of every event. What was refused stays where it is and is marked: it counts
as quarantined in the hour in which it came, and its replay as received in the hour of the replay.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from metering import audit
from metering.clickhouse.quarantine import Refused
from metering.clickhouse.quarantine_query import (
    DROPPED,
    FAILED,
    REPLAYED,
    WAITING,
    Action,
    Entries,
    Quarantined,
    act,
)
from metering.collectors import litellm
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.usage.event import InvalidEvent, parse_event

BATCH = 1_000
MOST_REASON = 500


class NotWaiting(Exception):
    """The entry was replayed or dropped already."""


@dataclass(slots=True)
class Outcome:
    """What became of replayed entries; some still wait, with what is wrong now."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    still_waiting: list[tuple[uuid.UUID, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ready:
    """An entry that can be stored, and the moment that stands in for a time it does not give."""

    entry: Quarantined
    event: bytes
    now: datetime
    repaired: str


def find(tenant: Tenant, reference: uuid.UUID) -> Quarantined | None:
    """The tenant's own entry, whatever has become of it; None for anybody else's."""
    found = Entries(tenant=tenant.id, state="", reference=reference).page(1)
    return found[0] if found else None


def replay(
    tenant: Tenant, entry: Quarantined, actor: str, repaired: bytes | None = None
) -> Outcome:
    """Send an entry through the ingestion path, as it is or as a repaired CloudEvent in JSON.

    Raises NotWaiting, or StoreUnavailable, after which it can be repeated: it counts once.
    """
    _check_waiting(entry)
    outcome = _replay(tenant, [(entry, repaired)], actor)
    how = "as it came" if repaired is None else "repaired"
    audit.record("quarantine.replayed", str(entry.reference), tenant, how=how)
    return outcome


def replay_all(
    tenant: Tenant, entries: Entries, actor: str, progress: Callable[[int], None] = lambda _: None
) -> Outcome:
    """Replay every waiting entry that is meant, as it is; `progress` hears of each lot's size."""
    total = Outcome()
    for lot in _lots(replace(entries, tenant=tenant.id, state=WAITING)):
        done = _replay(tenant, [(entry, None) for entry in lot], actor)
        total.accepted += done.accepted
        total.duplicates += done.duplicates
        total.conflicts += done.conflicts
        total.still_waiting.extend(done.still_waiting)
        progress(len(lot))
    stored = str(total.accepted + total.duplicates)
    audit.record("quarantine.replayed", entries.detail or "all", tenant, stored=stored)
    return total


def drop(tenant: Tenant, entry: Quarantined, actor: str, reason: str) -> None:
    """Mark an entry as not worth repairing, and why. Raises NotWaiting, or ValueError."""
    _check_waiting(entry)
    why = _checked(reason)
    act(tenant.id, [Action(entry.reference, DROPPED, actor, why)])
    audit.record("quarantine.dropped", str(entry.reference), tenant, reason=why)


def drop_all(tenant: Tenant, entries: Entries, actor: str, reason: str) -> int:
    """Drop every waiting entry that is meant; returns how many. Raises ValueError."""
    why, dropped = _checked(reason), 0
    for lot in _lots(replace(entries, tenant=tenant.id, state=WAITING)):
        act(tenant.id, [Action(entry.reference, DROPPED, actor, why) for entry in lot])
        dropped += len(lot)
    about = entries.detail or "all"
    audit.record("quarantine.dropped", about, tenant, reason=why, events=str(dropped))
    return dropped


def _lots(entries: Entries) -> Iterator[list[Quarantined]]:
    after = None
    while lot := entries.page(BATCH, after):
        yield lot
        after = lot[-1].reference


def _check_waiting(entry: Quarantined) -> None:
    if entry.state != WAITING:
        raise NotWaiting(f"it was {entry.state} already")


def _checked(reason: str) -> str:
    text = reason.strip()
    if not text:
        raise ValueError("reason: is required, so that others know why it was dropped")
    if len(reason) > MOST_REASON:
        raise ValueError(f"reason: is longer than {MOST_REASON} characters")
    return text


def _replay(
    tenant: Tenant, entries: Sequence[tuple[Quarantined, bytes | None]], actor: str
) -> Outcome:
    outcome = Outcome()
    ready: dict[datetime, list[_Ready]] = defaultdict(list)
    failed: list[Action] = []
    for entry, repaired in entries:
        text = repaired.decode(errors="replace") if repaired is not None else entry.repaired
        try:
            found = _ready(entry, repaired, text)
            ready[found.now].append(found)
        except InvalidEvent as error:
            if (str(error), text) != (entry.detail, entry.repaired):
                failed.append(Action(entry.reference, FAILED, actor, str(error), text))
            outcome.still_waiting.append((entry.reference, str(error)))
    act(tenant.id, failed)
    for now, lot in ready.items():
        _add(outcome, ingest(tenant, [one.event for one in lot], replayed=True, now=now))
        act(tenant.id, [Action(r.entry.reference, REPLAYED, actor, "", r.repaired) for r in lot])
    return outcome


def _add(outcome: Outcome, report: Report) -> None:
    outcome.accepted += report.accepted
    outcome.duplicates += report.duplicates
    outcome.conflicts += report.conflicts


def _ready(entry: Quarantined, repaired: bytes | None, text: str) -> _Ready:
    """The CloudEvent to send. Raises InvalidEvent.

    An event without a time happened when it was received, not when it is replayed.
    """
    raw = repaired if repaired is not None else (entry.repaired.encode() or entry.raw)
    event, now = _cloudevent(entry, raw), timezone.now()
    if not parse_event(event, now).time_given:
        parse_event(event, entry.received_at)
        now = entry.received_at
    return _Ready(entry, event, now, text)


def _cloudevent(entry: Quarantined, raw: bytes) -> bytes:
    """What a collector set aside before it was an event goes through the collector again."""
    if entry.source != litellm.SOURCE or b'"specversion"' in raw:
        return raw
    try:
        made = litellm.events(b"[%b]" % raw)
    except litellm.LiteLLMError as error:
        raise InvalidEvent(str(error)) from None
    if len(made) != 1:
        raise InvalidEvent(f"event: one is replayed at a time, not {len(made)}")
    if isinstance(made[0], Refused):
        raise InvalidEvent(made[0].detail)
    return made[0]
