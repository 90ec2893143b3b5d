"""Keeps what could not be accepted, and resends that contradict what was stored first."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from metering.clickhouse.connection import insert, select

# How the detail of a model call begins that reported no usage: nobody's fault, and never billed.
UNMETERED = "unmetered:"


class Refused(NamedTuple):
    """An event that was not accepted: its bytes, what could be read of its identity, the reason."""

    body: bytes
    source: str
    id: str
    detail: str

    @property
    def reference(self) -> uuid.UUID:
        """A digest of the bytes."""
        return _reference(self.body)

    @property
    def unmetered(self) -> bool:
        """Whether it is a call without usage, which is nobody's mistake."""
        return self.detail.startswith(UNMETERED)


class Conflict(NamedTuple):
    """An event whose identity was there already, with other content."""

    source: str
    id: str
    body: bytes


def quarantine(tenant: int, refused: Sequence[Refused]) -> None:
    """Keep the refused events; the same bytes sent again are kept once."""
    insert(
        "quarantine",
        ["tenant", "reference", "source", "id", "detail", "body"],
        [
            [tenant] * len(refused),
            [item.reference for item in refused],
            [item.source for item in refused],
            [item.id for item in refused],
            [item.detail for item in refused],
            [item.body for item in refused],
        ],
    )


def record_conflicts(tenant: int, conflicts: Sequence[Conflict]) -> None:
    """Keep resends that differ from what is stored; the same bytes sent again are kept once."""
    insert(
        "conflicts",
        ["tenant", "source", "id", "reference", "body"],
        [
            [tenant] * len(conflicts),
            [item.source for item in conflicts],
            [item.id for item in conflicts],
            [_reference(item.body) for item in conflicts],
            [item.body for item in conflicts],
        ],
    )


def conflicts(tenant: int) -> list[Conflict]:
    """What was sent again with other content, by source and id."""
    rows = select(
        "SELECT source, id, body FROM conflicts FINAL WHERE tenant = %(tenant)s"
        " ORDER BY source, id, reference",
        {"tenant": tenant},
    )
    return [Conflict(source, id_, body.encode()) for source, id_, body in rows]


def _reference(body: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.blake2b(body, digest_size=16).digest())
