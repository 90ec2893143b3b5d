"""Requests that arrive together are written together.

While one commit of a tenant is under way, what arrives for it waits, and all of that goes into the
next one. So a client that sends single events costs a share of a commit and not a commit, and a
quiet tenant waits for nobody. No thread is kept: the first of a group does the work of all.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from django.conf import settings

from metering.clickhouse.commit import Committed, commit_events
from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.event_columns import Numbered
from metering.intake import Counted, Door, account_derived, account_events

MOST_EVENTS_A_COMMIT = 10_000
MOST_EVENTS_WAITING = 200_000
# One tenant's share of them, and of the threads once commits are as slow as this: a tenant that
# floods leaves room for the others.
MOST_EVENTS_OF_A_TENANT = 100_000
SLOW_SECONDS = 2.0


class TenantWaits(StoreUnavailable):
    """The tenant has more waiting than its share; others are served meanwhile."""


@dataclass(slots=True, eq=False)
class _Request:
    events: Sequence[Numbered]
    door: Door | None = None
    since: float = field(default_factory=time.monotonic)
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


class Waiting:
    """How many events wait to be stored in a process, and how many of them are each tenant's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Counter[int] = Counter()

    @property
    def events(self) -> int:
        return self._of.total()

    def begin(self, tenant: int, events: int) -> None:
        """Raises StoreUnavailable where all have too many waiting, TenantWaits where it has."""
        with self._lock:
            everybody, own = self._of.total(), self._of[tenant]
            if everybody and everybody + events > MOST_EVENTS_WAITING:
                raise StoreUnavailable("more events wait to be stored than should")
            if own and own + events > MOST_EVENTS_OF_A_TENANT:
                raise TenantWaits(f"{own} events of this tenant wait to be stored")
            self._of[tenant] += events

    def end(self, tenant: int, events: int) -> None:
        with self._lock:
            self._of[tenant] -= events
            self._of += Counter()  # drops the tenants of which none waits


_waiting = Waiting()


class GroupCommit:
    """Commits of one process, one at a time for each tenant.

    While ClickHouse stores one, the requests of the next are decoded. A second one at the same time
    would only make both smaller: the store's work is by commit more than by event.
    """

    def __init__(
        self,
        commit: Callable[[int, Sequence[Numbered]], Committed],
        account: Callable[[int, int, Sequence[Counted]], None] = account_events,
        most_requests: int = 24,
    ) -> None:
        self._commit = commit
        self._account = account
        self._most_requests = most_requests
        self._lock = threading.Lock()
        self._led: set[int] = set()  # the tenants with a commit under way
        self._queues: dict[int, deque[_Request]] = defaultdict(deque)

    def commit(
        self, tenant: int, events: Sequence[Numbered], door: Door | None = None
    ) -> Committed:
        """As `commit_events`, in one commit with whoever asks at the same time.

        With a door it is written down what came and what became of it, before anybody hears.
        """
        if not events and door is None:
            return Committed()
        request = _Request(events, door)
        self._enqueue(tenant, request)
        request.turn.wait()
        # The leader is in its own group: a cycle, which would keep the events of all of them until
        # the garbage collector comes by.
        group, request.group = request.group, []
        if group:
            self._lead(tenant, group)
        return request.outcome()

    def _enqueue(self, tenant: int, request: _Request) -> None:
        """Give the request the lead if it can have it, else a place in the queue."""
        with self._lock:
            self._check_queue(tenant, request)
            _waiting.begin(tenant, len(request.events))
            if tenant not in self._led:
                self._led.add(tenant)
                request.group = [request]
                request.turn.set()
            else:
                self._queues[tenant].append(request)

    def _check_queue(self, tenant: int, request: _Request) -> None:
        queue = self._queues.get(tenant)
        if not queue or len(queue) < self._most_requests:
            return
        if request.since - queue[0].since > SLOW_SECONDS:
            raise TenantWaits(f"{len(queue)} requests of this tenant wait for a slow store")

    def _lead(self, tenant: int, group: list[_Request]) -> None:
        """Commit for all of the group; then hand the lead on."""
        try:
            committed = self._commit(tenant, [event for r in group for event in r.events])
            _share(group, committed)
            counted = [(r.door, r.outcome()) for r in group if r.door]
            self._account(tenant, committed.commit, counted)
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
            _waiting.end(tenant, sum(len(request.events) for request in group))
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
            self._led.discard(tenant)
        return group


def _share(group: Sequence[_Request], committed: Committed) -> None:
    """Give each request its part, by the positions in its own events."""
    starts = list(accumulate((len(request.events) for request in group), initial=0))
    for request in group:
        request.result = Committed()
    for name in ("accepted", "duplicates", "conflicts", "lost"):
        positions = sorted(getattr(committed, name))
        bounds = [bisect_left(positions, start) for start in starts]
        for request, start, (first, last) in zip(group, starts, pairwise(bounds), strict=False):
            setattr(request.result, name, [n - start for n in positions[first:last]])


_MOST_REQUESTS = settings.WEB_THREADS * 3 // 4
committer = GroupCommit(commit_events, most_requests=_MOST_REQUESTS)
# Apart, for what is made of spans came in as spans and is not received once more.
derived_committer = GroupCommit(commit_events, account_derived, _MOST_REQUESTS)
