"""Who did what: an append-only log in which every entry carries the digest of the one before.

A tenant has a chain of its own, and the installation has one for what concerns no tenant. An entry
is written in the transaction of the act: neither is there without the other. Whoever changes or
removes an entry, past the database's own refusal, breaks the chain there; whoever removes the last
ones has to change the chain's head too, which is why `verify_audit` prints heads to keep elsewhere.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from django.db import transaction
from django.utils import timezone

from metering.actor import current_actor
from metering.bulk_rows import update_rows
from metering.models import AuditChain, AuditEntry, Tenant

# Before the first entry.
BEGINNING = "0" * 64
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Act:
    """Something done: a verb such as `api_key.created`, what it was done to, and particulars."""

    action: str
    subject: str
    tenant: Tenant | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def record(action: str, subject: str, tenant: Tenant | None = None, **details: str) -> None:
    """Write one act of the current actor."""
    record_all([Act(action, subject, tenant, details)])


def record_all(acts: Iterable[Act]) -> None:
    """Write acts of the current actor, each at the end of its tenant's chain."""
    by_chain: dict[int | None, list[Act]] = defaultdict(list)
    for act in acts:
        by_chain[act.tenant.pk if act.tenant else None].append(act)
    actor, moment = current_actor(), timezone.now()
    with transaction.atomic():
        chains = _locked(by_chain)
        entries: list[AuditEntry] = []
        for chain in chains:
            entries += _chained(chain, by_chain[chain.tenant_id], actor, moment)
        AuditEntry.objects.bulk_create(entries, batch_size=_BATCH)
        update_rows(chains, ["length", "head"])


def _locked(tenants: Iterable[int | None]) -> list[AuditChain]:
    """The chains, made where there are none, locked in one order so that nobody waits in a ring."""
    names = {_chain_name(tenant): tenant for tenant in tenants}
    rows = [AuditChain(name=name, tenant_id=tenant) for name, tenant in names.items()]
    AuditChain.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
    found = AuditChain.objects.select_for_update().filter(name__in=names)
    return list(found.order_by("name"))


def _chain_name(tenant: int | None) -> str:
    return "installation" if tenant is None else f"tenant {tenant}"


def _chained(
    chain: AuditChain, acts: list[Act], actor: str, moment: datetime
) -> Iterator[AuditEntry]:
    """The entries of these acts, at the end of their chain."""
    for act in acts:
        chain.length += 1
        entry = AuditEntry(
            chain=chain,
            position=chain.length,
            moment=moment,
            actor=actor[: AuditEntry.MOST_ACTOR],
            action=act.action,
            subject=act.subject[: AuditEntry.MOST_SUBJECT],
            details=dict(act.details),
            previous=chain.head,
        )
        entry.digest = chain.head = digest_of(entry, chain.name)
        yield entry


def digest_of(entry: AuditEntry, chain: str) -> str:
    """SHA-256, in hexadecimal, of the JSON array of everything an entry says, its chain first."""
    content = [
        chain,
        entry.position,
        entry.moment.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.subject,
        sorted(entry.details.items()),
        entry.previous,
    ]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def log_of(tenant: Tenant, limit: int, after: int = 0) -> list[AuditEntry]:
    """A tenant's entries, the latest first; `after` is the last position of the page before."""
    found = AuditEntry.objects.filter(chain__tenant=tenant).order_by("-position")
    return list((found.filter(position__lt=after) if after else found)[:limit])


def verify_chain(chain: AuditChain) -> Iterator[str]:
    """What is wrong with a chain, a sentence each; nothing where every entry is as it was."""
    previous, position = BEGINNING, 0
    for entry in chain.entries.order_by("position").iterator(chunk_size=2_000):
        position += 1
        if entry.position != position:
            yield f"entry {position} is missing; the next one is {entry.position}"
            position = entry.position
        elif entry.previous != previous:
            yield f"entry {position} does not follow the one before it"
        if digest_of(entry, chain.name) != entry.digest:
            yield f"entry {position} was changed"
        previous = entry.digest
    if (chain.length, chain.head) != (position, previous):
        yield f"it ends with entry {position}, but {chain.length} were written"
