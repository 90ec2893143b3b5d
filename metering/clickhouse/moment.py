"""Whether another process can have stored anything since this one last looked.

Most commits have no rival: no insert of another process runs when theirs has ended, and none has
ended since what they looked up. To know that costs a glance at the newest commits instead of a
second look at every identity. This process knows the numbers of its own commits, and has one of a
tenant at a time, so they cannot be each other's rivals.
"""

import os
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings

from metering.clickhouse.barrier import others_ended
from metering.clickhouse.connection import select

# The store's clock may step back by so much without a rival being overlooked.
_SLACK_MICROSECONDS = 5_000_000
# After a longer silence too much may have come in for a glance.
_FRESH_SECONDS = 60
_OWN_COMMITS = 4_096


@dataclass(slots=True)
class _Process:
    """What this process knows of itself."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    own: deque[int] = field(default_factory=lambda: deque(maxlen=_OWN_COMMITS))
    settled_until: int = 0
    settled_at: float = float("-inf")
    committing: defaultdict[int, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )

    def forget(self) -> None:
        """In a fork, what belongs to the parent."""
        self.lock = threading.Lock()
        self.own.clear()
        self.settled_until, self.settled_at = 0, float("-inf")
        self.committing.clear()


_process = _Process()
os.register_at_fork(after_in_child=_process.forget)


@contextmanager
def alone(tenant: int) -> Iterator[None]:
    """The only commit of the tenant in this process, from its look-up to its end."""
    with _process.lock:
        lock = _process.committing[tenant]
    with lock:
        yield


def new_commit() -> int:
    """The number of a commit that this process is about to insert: 63 random bits."""
    commit = secrets.randbits(63)
    with _process.lock:
        _process.own.append(commit)
    return commit


def settled_until() -> int | None:
    """Microseconds of the store's clock: what others received earlier can be seen from now on.

    None when that is too long ago to be of use, or cannot be said: a cluster has many clocks.
    """
    with _process.lock:
        fresh = time.monotonic() - _process.settled_at < _FRESH_SECONDS
        return _process.settled_until if fresh and not settings.CLICKHOUSE_CLUSTER else None


def wait_for_others(patience: float, **asked: object) -> bool:
    """Wait for inserts of other processes that run now; whether they ended."""
    began = time.monotonic()
    clock = others_ended(patience, **asked)
    if clock is None:
        return False
    with _process.lock:
        if clock > _process.settled_until:
            _process.settled_until, _process.settled_at = clock, began
    return True


def others_since(tenant: int, since: int | None, **asked: object) -> bool:
    """Whether another process may have stored events of the tenant since that moment."""
    if since is None:
        return True
    [(commits,)] = select(
        "SELECT groupUniqArray(commit) FROM events WHERE tenant = %(tenant)s"
        " AND received_at >= fromUnixTimestamp64Micro(%(since)s)",
        {"tenant": tenant, "since": since - _SLACK_MICROSECONDS},
        **asked,
    )
    with _process.lock:
        return not set(commits) <= set(_process.own)
