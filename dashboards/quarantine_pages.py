"""The quarantine as it is listed and looked at: by reason, by entry, and one entry alone."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from dashboards import formats
from metering.clickhouse.quarantine_query import STATES, WAITING, Entries, Quarantined, Reason
from metering.models import Tenant

ENTRIES = 50
REASONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """An entry of the quarantine as it is listed."""

    entry: Quarantined
    received: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """A reason with how many wait for it, and since when."""

    reason: Reason
    events: str
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is in quarantine: counted by reason, and a page of entries."""

    state: str
    states: list[tuple[str, bool]]
    chosen: str
    number: str
    reasons: list[ReasonLine]
    lines: list[EntryLine]
    following: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    """One refused event with what is known of it."""

    entry: Quarantined
    title: str
    look: str
    facts: list[tuple[str, str]]


_LOOKS = {WAITING: "warn", "replayed": "good", "dropped": ""}


def refused_page(entry: Quarantined, tenant: Tenant) -> RefusedPage:
    """The page; times are the tenant's."""
    facts = [
        ("Received", local_clock(entry.received_at, tenant)),
        ("Source", entry.source or formats.NONE),
        ("Id", entry.id or formats.NONE),
        ("Size", f"{formats.count(len(entry.raw))}{formats.NBSP}bytes"),
    ]
    if entry.acted_at:
        facts += [
            ("Last touched", local_clock(entry.acted_at, tenant)),
            ("By", entry.actor),
        ]
    if entry.note:
        facts.append(("Dropped because", entry.note))
    return RefusedPage(
        entry=entry,
        title=entry.id or "An event without an id",
        look=_LOOKS.get(entry.state, ""),
        facts=facts,
    )


def editable(entry: Quarantined) -> str:
    """The event as it was last, in lines where it is JSON; no number in it is changed."""
    text = entry.repaired or entry.body
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text


def read_waiting(tenant: Tenant, state: str, detail: str, after: str) -> Waiting:
    """A page of the quarantine; `detail` is a reason, or how one begins."""
    state = state if state in STATES else WAITING
    entries = Entries(tenant=tenant.id, state=state, detail=detail)
    found = entries.page(ENTRIES + 1, _reference(after))
    return Waiting(
        state=state,
        states=[(name, name == state) for name in STATES],
        chosen=detail,
        number=formats.count(entries.count()),
        reasons=[
            ReasonLine(
                reason=reason,
                events=formats.count(reason.events),
                span=_span(reason, ZoneInfo(tenant.timezone)),
            )
            for reason in Entries(tenant=tenant.id, state=state).by("detail", REASONS)
        ],
        lines=[
            EntryLine(
                entry=entry,
                received=local_clock(entry.received_at, tenant),
                name=" ".join(filter(None, (entry.source, entry.id))) or "(no id)",
            )
            for entry in found[:ENTRIES]
        ],
        following=str(found[ENTRIES - 1].reference) if len(found) > ENTRIES else "",
    )


def local_clock(moment: datetime, tenant: Tenant) -> str:
    """A moment on the tenant's clock."""
    return formats.clock(moment.astimezone(ZoneInfo(tenant.timezone)))


def _reference(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _span(reason: Reason, clock: ZoneInfo) -> str:
    first, last = reason.first_received_at, reason.last_received_at
    shown = [formats.clock(moment.astimezone(clock)) for moment in (first, last)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"
