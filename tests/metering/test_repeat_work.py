"""Repeat work and look-ups in caches, against an oracle on random data."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering import queries
from metering.clickhouse import rollup
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.period import Period
from tests.conftest import Events, encode
from tests.metering import oracle
from tests.metering.test_identity import at_once

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
START = datetime(2026, 10, 10, tzinfo=UTC)
PERIOD = Period(START + timedelta(days=2), START + timedelta(days=7))


def random_work(event: Events, seed: int) -> list[dict[str, Any]]:
    """Ten days of tasks with few fingerprints, some told twice, and look-ups; many at one time."""
    chance = random.Random(seed)
    instants = [START + timedelta(hours=chance.randrange(240)) for _ in range(40)]
    events = []
    for n in range(150):
        more = {"fingerprint": f"work-{chance.randrange(60)}"} if chance.random() < 0.8 else {}
        for at in chance.sample(instants, chance.choice([1, 1, 1, 2])):
            status = chance.choice(["succeeded", "succeeded", "failed", "cancelled"])
            agent, label = f"agent-{chance.randrange(3)}", {"team": chance.choice("xyz")}
            events.append(event.task(at, f"t{n}", status, agent, labels=label, **more))
        events.append(
            event(
                "agent.cache",
                chance.choice(instants),
                f"agent-{chance.randrange(3)}",
                cache=chance.choice(["semantic", "tools"]),
                hit=chance.random() < 0.4,
                model=chance.choice(["m", "n", ""]),
                saved_tokens=chance.randrange(2000),
                labels={"team": chance.choice("xyz")},
            )
        )
    chance.shuffle(events)
    return events


def repeats(tenant: Tenant, name: str = "") -> dict[str, tuple[int, int]]:
    names = (name,) if name else ()
    return {
        row.group.get(name, ""): (row.succeeded, row.repeated)
        for row in queries.repeat_work(tenant, PERIOD, names)
    }


GROUPS: dict[str, Callable[[dict[str, Any]], str]] = {
    "": lambda _: "",
    "agent": lambda task: str(task["subject"]),
    "day": lambda task: task["time"][:10],
    "labels.team": lambda task: str(task["data"]["labels"]["team"]),
}


@pytest.mark.parametrize("seed", [1, 2])
def test_repeat_work_is_the_oracles(
    seed: int, tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """Also sent in parts, with everything sent twice."""
    events = random_work(event, seed)
    for n in range(3):
        send(tenant, events[n::3])
        roll(tenant)
    send(tenant, events)
    roll(tenant)
    whole = oracle.repeat_work(events, PERIOD, lambda _: "")[""]
    assert 5 < whole[1] < whole[0]
    for name, group in GROUPS.items():
        assert repeats(tenant, name) == oracle.repeat_work(events, PERIOD, group), name


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([("a", "t1", "w"), ("b", "t2", "w")], (2, 1), id="the second is"),
        pytest.param([("b", "t2", "w"), ("a", "t1", "w")], (2, 1), id="in whatever order told"),
        pytest.param([("a", "t1", "w"), ("b", "t1", "w")], (1, 0), id="one task told twice is not"),
        pytest.param(
            [("a", "t1", ""), ("b", "t2", "")], (2, 0), id="without a fingerprint none is"
        ),
        pytest.param([("a", "t1", "w"), ("b", "t2", "v")], (2, 0), id="other work is not"),
    ],
)
def test_which_tasks_are_repeat_work(
    told: list[tuple[str, str, str]],
    expected: tuple[int, int],
    tenant: Tenant,
    event: Events,
    send: Send,
    roll: Roll,
) -> None:
    """All at one instant: the order is that of the ids."""
    at = PERIOD.start
    send(tenant, [event.task(at, task, id=i, fingerprint=mark) for i, task, mark in told])
    roll(tenant)
    assert repeats(tenant) == {"": expected}


def test_what_failed_before_was_not_done_before(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """First by its outcome: once the earlier task has succeeded late, it is the repeated one."""
    at, hour = PERIOD.start, timedelta(hours=1)
    send(tenant, [event.task(at, "t1", "failed", fingerprint="w", agent="first")])
    send(tenant, [event.task(at + hour, "t2", fingerprint="w", agent="second")])
    roll(tenant)
    assert repeats(tenant, "agent") == {"second": (1, 0)}
    send(tenant, [event.task(at + 2 * hour, "t1", fingerprint="w", agent="first")])
    roll(tenant)
    assert repeats(tenant, "agent") == {"first": (1, 1), "second": (1, 0)}


def test_before_the_period_counts_and_another_tenant_does_not(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    mine, other = make_tenant(), make_tenant()
    send(other, [event.task(START, "t0", fingerprint="w")])
    send(mine, [event.task(START, "t1", fingerprint="v")])
    send(mine, [event.task(PERIOD.start, f"t-{mark}", fingerprint=mark) for mark in "vw"])
    for tenant in (mine, other):
        roll(tenant)
    assert repeats(mine) == {"": (2, 1)}
    assert repeats(other) == {"": (0, 0)}


@pytest.mark.parametrize("name", ["agent", "day", "labels.team", "model"])
def test_look_ups_in_caches_are_the_oracles(
    name: str, tenant: Tenant, event: Events, send: Send
) -> None:
    events = random_work(event, 3)
    send(tenant, events)
    send(tenant, events)
    group = GROUPS.get(name, lambda e: str(e["data"]["model"]))
    expected = oracle.cache_use(events, PERIOD, group)
    assert sum(saved for _, _, saved in expected.values()) > 1000
    found: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    for use in queries.cache_use(tenant, PERIOD, (name,)):
        key = use.group[name], use.cache, use.model
        lookups, hits, saved = found.get(key, (0, 0, 0))
        found[key] = lookups + use.lookups, hits + use.hits, saved + use.saved_tokens
    assert found == expected


def test_workers_at_once_and_killed_ones_give_the_same_repeat_work(
    tenant: Tenant, event: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = random_work(event, 4)
    jobs: list[Callable[[], Any]] = [
        lambda part=events[n::3]: ingest(tenant, encode(part))  # type: ignore[misc]
        for n in range(3)
    ]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "_publish", killed)
        at_once(jobs)
        with pytest.raises(KeyboardInterrupt):
            roll_up([tenant])
    assert repeats(tenant) == {"": (0, 0)}
    at_once([lambda: roll_up([tenant])] * 3)
    assert repeats(tenant) == oracle.repeat_work(events, PERIOD, lambda _: "")
