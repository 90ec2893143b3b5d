"""Requests of one tenant share a commit, and each hears of its own events only."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from metering import group_commit
from metering.clickhouse.commit import Committed
from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.event_columns import Numbered
from metering.group_commit import MOST_EVENTS_A_COMMIT, GroupCommit, TenantWaits
from metering.usage.event import Custom, Event


def _event(number: int) -> Numbered:
    event = Event(
        source="s",
        id=str(number),
        type="custom.x",
        agent="",
        time=datetime(2026, 10, 1, tzinfo=UTC),
        data=Custom(value=1),  # type: ignore[arg-type]
    )
    return Numbered(event, event.identity, event.content)


class _Store:
    """Accepts even ids, holds every commit until told to go on, and remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.down = False

    def commit(self, tenant: int, events: Sequence[Numbered]) -> Committed:
        self.groups.append([item.event.id for item in events])
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.down:
            raise StoreUnavailable("down")
        even = [n for n, item in enumerate(events) if int(item.event.id) % 2 == 0]
        odd = [n for n, item in enumerate(events) if int(item.event.id) % 2]
        return Committed(accepted=even, duplicates=odd)


def _until_waiting(events: int) -> None:
    for _ in range(1000):
        if group_commit._waiting.events >= events:
            return
        threading.Event().wait(0.005)
    raise AssertionError("the requests did not queue up")


def test_what_arrives_during_a_commit_goes_into_the_next_one_together() -> None:
    store = _Store()
    group = GroupCommit(store.commit)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(group.commit, 1, [_event(0)])
        assert store.begun.acquire(timeout=10)
        others = [pool.submit(group.commit, 1, [_event(n), _event(n + 1)]) for n in (2, 4, 6)]
        _until_waiting(7)
        store.go.release(2)
        assert first.result(10) == Committed(accepted=[0])
        # Of each pair the first is even and the second odd, at positions 0 and 1 of the request.
        assert [other.result(10) for other in others] == [
            Committed(accepted=[0], duplicates=[1])
        ] * 3
    assert [sorted(ids) for ids in store.groups] == [["0"], ["2", "3", "4", "5", "6", "7"]]


def test_another_tenant_waits_for_nobody() -> None:
    store = _Store()
    group = GroupCommit(store.commit)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(group.commit, tenant, [_event(0)]) for tenant in (1, 2)]
        for _ in futures:
            assert store.begun.acquire(timeout=10), "both commits are under way at once"
        store.go.release(2)
        assert [future.result(10).accepted for future in futures] == [[0], [0]]


def test_a_store_that_is_down_fails_the_whole_group_and_not_the_next() -> None:
    store = _Store()
    group = GroupCommit(store.commit)
    store.down = True
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.commit, 1, [_event(0)])
        assert store.begun.acquire(timeout=10)
        others = [pool.submit(group.commit, 1, [_event(n)]) for n in (2, 4)]
        _until_waiting(3)
        store.go.release(2)
        for future in (first, *others):
            with pytest.raises(StoreUnavailable, match="down"):
                future.result(10)
    store.down = False
    store.go.release()
    assert group.commit(1, [_event(6)]) == Committed(accepted=[0])


def test_a_commit_takes_no_more_than_it_should_beyond_its_leader() -> None:
    store = _Store()
    group = GroupCommit(store.commit)
    large = [_event(2 * n) for n in range(MOST_EVENTS_A_COMMIT)]
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.commit, 1, [_event(0)])
        assert store.begun.acquire(timeout=10)
        others = [pool.submit(group.commit, 1, large) for _ in range(3)]
        _until_waiting(1 + 3 * len(large))
        store.go.release(4)
        for future in (first, *others):
            assert future.result(10).duplicates == []
    assert [len(ids) for ids in store.groups] == [1, *[MOST_EVENTS_A_COMMIT] * 3]


def test_one_commit_of_a_tenant_at_a_time() -> None:
    store = _Store()
    group = GroupCommit(store.commit)
    with ThreadPoolExecutor(4) as pool:
        early = pool.submit(group.commit, 1, [_event(0)])
        assert store.begun.acquire(timeout=10)
        late = [pool.submit(group.commit, 1, [_event(n)]) for n in (4, 6, 8)]
        _until_waiting(4)
        assert len(store.groups) == 1
        store.go.release(2)
        for future in (early, *late):
            assert future.result(10) == Committed(accepted=[0])
    assert sorted(store.groups[1]) == ["4", "6", "8"]
    assert not group_commit._waiting.events
    assert not group._led


def test_too_many_waiting_events_are_refused_rather_than_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("metering.group_commit.MOST_EVENTS_WAITING", 2)
    store = _Store()
    group = GroupCommit(store.commit)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.commit, 1, [_event(0), _event(2)])
        assert store.begun.acquire(timeout=10)
        with pytest.raises(StoreUnavailable, match="more events wait"):
            group.commit(1, [_event(4)])
        store.go.release()
        assert first.result(10).accepted == [0, 1]


def test_a_tenant_that_floods_is_refused_while_another_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("metering.group_commit.MOST_EVENTS_OF_A_TENANT", 3)
    store = _Store()
    group = GroupCommit(store.commit)
    with ThreadPoolExecutor(3) as pool:
        # Larger than the share, but nothing else of the tenant waits.
        first = pool.submit(group.commit, 1, [_event(n) for n in (0, 2, 4, 6)])
        assert store.begun.acquire(timeout=10)
        with pytest.raises(TenantWaits, match="4 events of this tenant wait"):
            group.commit(1, [_event(8)])
        other = pool.submit(group.commit, 2, [_event(0), _event(2), _event(4)])
        store.go.release(2)
        assert other.result(10).accepted == [0, 1, 2]
        assert first.result(10).accepted == [0, 1, 2, 3]
        store.go.release()
        assert group.commit(1, [_event(8)]).accepted == [0], "it is taken once there is room"
    assert not group_commit._waiting.events


def test_a_slow_store_leaves_threads_for_other_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    store = _Store()
    group = GroupCommit(store.commit, most_requests=2)
    with ThreadPoolExecutor(5) as pool:
        first = [pool.submit(group.commit, 1, [_event(0)])]
        assert store.begun.acquire(timeout=10)
        first += [pool.submit(group.commit, 1, [_event(n)]) for n in (2, 4, 6)]
        _until_waiting(4)  # as many as like, for the store is not known to be slow
        monkeypatch.setattr("metering.group_commit.SLOW_SECONDS", -1.0)
        with pytest.raises(TenantWaits, match="3 requests of this tenant wait for a slow store"):
            group.commit(1, [_event(8)])
        other = pool.submit(group.commit, 2, [_event(0)])
        assert store.begun.acquire(timeout=10), "the other tenant's commit is under way"
        store.go.release(3)
        assert [future.result(10).accepted for future in (*first, other)] == [[0]] * 5
