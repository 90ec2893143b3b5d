"""Requests that arrive together are written together.

While one commit of a tenant is under way, what arrives for it waits, and all of that goes into the
next one. So a client that sends single events costs a share of a commit and not a commit, and a
quiet tenant waits for nobody. No thread is kept: the first of a group does the work of all.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from metering.clickhouse.commit import Committed, commit_events
from metering.clickhouse.connection import StoreUnavailable
from metering.usage.event import Event

MOST_EVENTS_A_COMMIT = 10_000
MOST_EVENTS_WAITING = 200_000


@dataclass(slots=True, eq=False)
class _Request:
    events: Sequence[Event]
    turn: threading.Event = field(default_factory=threading.Event)
    result: Committed | None = None
    error: BaseException | None = None

    def outcome(self) -> Committed | None:
        """The result; None when it is this request's turn to lead. Raises if the commit did."""
        if self.error is not None:
            # One exception for many threads: each raises its own, so that tracebacks stay apart.
            raise StoreUnavailable(str(self.error)) from self.error
        return self.result


class GroupCommit:
    """Commits of one process, one at a time for each tenant."""

    def __init__(self, commit: Callable[[int, Sequence[Event]], Committed]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._queues: dict[int, deque[_Request]] = {}
        self._waiting = 0

    def commit(self, tenant: int, events: Sequence[Event]) -> Committed:
        """As `commit_events`, in one commit with whoever asks at the same time."""
        if not events:
            return Committed()
        request = _Request(events)
        if not self._enqueue(tenant, request):
            request.turn.wait()
        result = request.outcome()
        if result is None:
            self._lead(tenant)
            result = request.outcome()
        assert result is not None, "a led commit has a result"  # noqa: S101
        return result

    def _enqueue(self, tenant: int, request: _Request) -> bool:
        """Queue the request; True when nobody leads the tenant, so that it has to."""
        with self._lock:
            if self._waiting + len(request.events) > MOST_EVENTS_WAITING and self._waiting:
                raise StoreUnavailable("more events wait to be stored than should")
            self._waiting += len(request.events)
            leads = tenant not in self._queues
            self._queues.setdefault(tenant, deque()).append(request)
            return leads

    def _lead(self, tenant: int) -> None:
        """Commit for everyone who waits, the leader first; then hand the lead on."""
        group = self._take(tenant)
        try:
            _share(group, self._commit(tenant, [event for r in group for event in r.events]))
        except StoreUnavailable as error:
            for request in group:
                request.error = error
        except BaseException as error:
            for request in group[1:]:
                request.error = error
            raise
        finally:
            self._hand_on(tenant, group)

    def _take(self, tenant: int) -> list[_Request]:
        with self._lock:
            queue = self._queues[tenant]
            group, events = [queue.popleft()], 0
            while queue and events + len(queue[0].events) <= MOST_EVENTS_A_COMMIT:
                events += len(queue[0].events)
                group.append(queue.popleft())
            return group

    def _hand_on(self, tenant: int, group: list[_Request]) -> None:
        with self._lock:
            self._waiting -= sum(len(request.events) for request in group)
            queue = self._queues[tenant]
            if not queue:
                del self._queues[tenant]
            following = queue[0] if queue else None
        for request in group:
            request.turn.set()
        if following is not None:
            following.turn.set()


def _share(group: Sequence[_Request], committed: Committed) -> None:
    """Give each request its part, by the positions in its own events."""
    owners: list[tuple[Committed, int]] = []
    for request in group:
        request.result = Committed()
        owners += [(request.result, n) for n in range(len(request.events))]
    for name in ("accepted", "duplicates", "conflicts"):
        for position in getattr(committed, name):
            result, own = owners[position]
            getattr(result, name).append(own)


committer = GroupCommit(commit_events)
