"""The one path of every event into the store: validate, keep what is refused, commit the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from metering.clickhouse.event_columns import numbered
from metering.clickhouse.quarantine import Refused, quarantine
from metering.collectors.cloudevents import Batch
from metering.group_commit import committer, derived_committer
from metering.intake import Door
from metering.models import Tenant
from metering.usage.event import Event, InvalidEvent, parse_event
from metering.usage.event_array import parse_events

_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that went to quarantine, by its place in the request."""

    index: int
    id: str
    detail: str


@dataclass(slots=True)
class Report:
    """What became of the events of one request."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Count what became of more events in."""
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts
        self.rejected += other.rejected


def ingest(
    tenant: Tenant,
    bodies: Sequence[bytes | Refused],
    *,
    derived: bool = False,
    replayed: bool = False,
    now: datetime | None = None,
) -> Report:
    """Store the valid ones of these CloudEvents in JSON; quarantine the others.

    A collector that could make no event of something puts a Refused in its place. What is `derived`
    from spans was counted as received with them; what is `replayed` comes out of the quarantine.
    `now` stands in for a time that an event does not give.

    When this returns everything in the report is durable. Raises StoreUnavailable, after which
    the same events can be sent again, and UnreadableBody for a Batch that is none.
    """
    report = Report()
    events, origins = _parse(bodies, report, now or timezone.now())
    refused = [_refused(bodies[r.index], r) for r in report.rejected]
    # A batch that was decoded in one go is not split only to be counted.
    received = len(events) if origins is bodies else len(bodies)
    if not received:
        return report
    if refused:
        quarantine(tenant.id, refused)
    door = Door(received, numbered(events), origins, refused, replayed)
    committed = (derived_committer if derived else committer).commit(tenant.id, door.events, door)
    report.accepted = len(committed.accepted)
    report.duplicates = len(committed.duplicates)
    report.conflicts = len(committed.conflicts)
    return report


def _parse(
    bodies: Sequence[bytes | Refused], report: Report, now: datetime
) -> tuple[list[Event], Sequence[bytes]]:
    """The valid events and the body of each."""
    if isinstance(bodies, Batch):
        valid = parse_events(bodies.text, now, lines=bodies.lines)
        if valid is not None:
            return valid, bodies
    return _parse_each(bodies, report, now)


def _parse_each(
    bodies: Sequence[bytes | Refused], report: Report, now: datetime
) -> tuple[list[Event], list[bytes]]:
    events, origins = [], []
    for index, body in enumerate(bodies):
        if isinstance(body, Refused):
            report.rejected.append(Rejected(index, body.id, body.detail))
            continue
        try:
            events.append(parse_event(body, now))
            origins.append(body)
        except InvalidEvent as error:
            report.rejected.append(Rejected(index, _readable(body, "id"), str(error)))
    return events, origins


def _refused(body: bytes | Refused, rejected: Rejected) -> Refused:
    if isinstance(body, Refused):
        return body
    return Refused(body, _readable(body, "source"), rejected.id, rejected.detail)


def _readable(body: bytes, attribute: str) -> str:
    """An attribute of an event that may be anything at all; empty when it cannot be read."""
    try:
        event = json.loads(body, parse_int=str)
    except (ValueError, RecursionError):
        return ""
    value = event.get(attribute) if isinstance(event, dict) else None
    # Half of a surrogate pair is a string to Python, and to nobody else. What is longer than an
    # attribute may be is not worth an answer of its length.
    text = value[:_LONGEST] if isinstance(value, str) else ""
    return text.encode(errors="replace").decode()
