"""Requests that arrive together are written together.

While one commit of a tenant is under way, what arrives for it waits, and all of that goes into the
next one. So a client that sends single events costs a share of a commit and not a commit, and a
quiet tenant waits for nobody. No thread is kept: the first of a group does the work of all.
"""

import threading
from collections import Counter, defaultdict, deque
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
    group: "list[_Request]" = field(default_factory=list)  # what it has to lead, itself included
    result: Committed | None = None
    error: BaseException | None = None

    def outcome(self) -> Committed:
        """The result, or the reason why there is none."""
        if self.error is not None:
            # One exception for many threads: each raises its own, so that tracebacks stay apart.
            raise StoreUnavailable(str(self.error)) from self.error
        assert self.result is not None, "a commit ends with a result or an error"  # noqa: S101
        return self.result


class GroupCommit:
    """Commits of one process, at most `leaders` at a time for each tenant.

    More than one, so that Python prepares a commit while ClickHouse stores another. Commits that
    overlap are as safe as those of two processes.
    """

    def __init__(
        self, commit: Callable[[int, Sequence[Event]], Committed], leaders: int = 2
    ) -> None:
        self._commit = commit
        self._most_leaders = leaders
        self._lock = threading.Lock()
        self._leaders: Counter[int] = Counter()
        self._queues: dict[int, deque[_Request]] = defaultdict(deque)
        self._waiting = 0

    def commit(self, tenant: int, events: Sequence[Event]) -> Committed:
        """As `commit_events`, in one commit with whoever asks at the same time."""
        if not events:
            return Committed()
        request = _Request(events)
        self._enqueue(tenant, request)
        request.turn.wait()
        if request.group:
            self._lead(tenant, request.group)
        return request.outcome()

    def _enqueue(self, tenant: int, request: _Request) -> None:
        """Give the request the lead if it can have it, else a place in the queue."""
        with self._lock:
            if self._waiting and self._waiting + len(request.events) > MOST_EVENTS_WAITING:
                raise StoreUnavailable("more events wait to be stored than should")
            self._waiting += len(request.events)
            if self._leaders[tenant] < self._most_leaders:
                self._leaders[tenant] += 1
                request.group = [request]
                request.turn.set()
            else:
                self._queues[tenant].append(request)

    def _lead(self, tenant: int, group: list[_Request]) -> None:
        """Commit for all of the group; then hand the lead on."""
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

    def _hand_on(self, tenant: int, group: list[_Request]) -> None:
        with self._lock:
            self._waiting -= sum(len(request.events) for request in group)
            following = self._next_group(tenant)
        for request in (*group, *following[:1]):
            request.turn.set()

    def _next_group(self, tenant: int) -> list[_Request]:
        """Who waits, up to a limit of events, the first as its leader; none ends the lead."""
        queue = self._queues[tenant]
        group: list[_Request] = []
        events = 0
        while queue and (not group or events + len(queue[0].events) <= MOST_EVENTS_A_COMMIT):
            events += len(queue[0].events)
            group.append(queue.popleft())
        if group:
            group[0].group = group
        else:
            del self._queues[tenant]
            self._leaders[tenant] -= 1
            self._leaders += Counter()  # drops the tenants that nobody leads
        return group


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
