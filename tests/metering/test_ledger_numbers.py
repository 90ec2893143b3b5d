"""The ledger against an oracle, however its events arrive; and the trees of sub-tasks."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering import task_queries
from metering.clickhouse import connection, ledger, ledger_query, rollup
from metering.clickhouse.amend import Standing, amend
from metering.clickhouse.connection import command, select
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.event import parse_event
from metering.usage.ledger import TaskLine, TaskUse, subtree
from metering.usage.period import Period
from tests.conftest import Events, encode
from tests.metering import ledger_oracle
from tests.metering.test_identity import at_once

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
START = datetime(2026, 10, 1, tzinfo=UTC)
ALWAYS = Period(START - timedelta(days=400), START + timedelta(days=400))
NAMES = [f"t{n}" for n in range(24)] + ["a/b", " é\t", "x'y\"\\", "%41", "t1/events"]


def random_tasks(event: Events, seed: int, size: int = 260) -> list[dict[str, Any]]:
    """Events of few tasks over three days, many at the same instants; none in order.

    Tasks have no outcome, or several; parents of other agents, in circles, or that never come.
    """
    chance = random.Random(seed)
    instants = [START + timedelta(minutes=chance.randrange(72 * 60)) for _ in range(40)]
    events = []
    for n in range(size):
        at, agent = chance.choice(instants), f"agent-{chance.randrange(4)}"
        who: dict[str, Any] = {
            "id": f"{chance.randrange(10**6)}-{n}",
            "source": chance.choice("sé"),
        }
        who |= {"labels": {"team": chance.choice("xy")}} if n % 3 else {}
        task = chance.choice([*NAMES, ""])
        events.append(_random_event(event, chance, at, agent, task, who))
    late = [dict(e, time=(START + timedelta(days=9)).isoformat()) for e in events[::7]]
    resent = [dict(e, data=dict(e["data"], labels={"again": "1"})) for e in events[::11]]
    everything = events + late + resent
    chance.shuffle(everything)
    return everything


def _random_event(
    event: Events, chance: random.Random, at: datetime, agent: str, task: str, who: dict[str, Any]
) -> dict[str, Any]:
    later = (at + timedelta(seconds=chance.randrange(5))).isoformat()
    earlier = (at - timedelta(seconds=chance.randrange(9))).isoformat()
    if task and chance.random() < 0.3:
        return _random_outcome(event, chance, at, agent, task, who)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("agent.cache", {"cache": "c", "hit": chance.random() < 0.5, "saved_tokens": 7}),
        ("agent.tool", {"tool": "search", "status": chance.choice(["ok", "error"])}),
        ("custom.pages", {"value": "1.5"}),
        (
            "agent.chip",
            {"chip": "p", "count": chance.choice(["1", "0.1"]), "started_at": earlier}
            | {"phase": chance.choice(["active", "idle", "cold_start"]), "ended_at": later},
        ),
        (
            "agent.tokens",
            {"model": chance.choice("mn"), "input_tokens": chance.randrange(2**40)}
            | {"output_tokens": chance.randrange(9), "cache_read_tokens": chance.randrange(9)}
            | {"part": chance.choice([1, 1, 2])},
        ),
    ]
    kind, data = chance.choice(kinds)
    return event(kind, at, "" if kind == "custom.pages" else agent, task=task, **data, **who)


def _random_outcome(
    event: Events, chance: random.Random, at: datetime, agent: str, task: str, who: dict[str, Any]
) -> dict[str, Any]:
    parent = chance.choice(["", *[name for name in NAMES if name != task], "never-came"])
    more = {"session": chance.choice(["", "s1"]), "fingerprint": chance.choice(["", "f"])}
    if chance.random() < 0.5:
        more |= {
            "started_at": (at - timedelta(hours=1)).isoformat(),
            "ended_at": (at + timedelta(seconds=3)).isoformat(),
        }
    status = chance.choice(["succeeded", "succeeded", "failed", "cancelled"])
    return event.task(at, task, status, agent=agent, parent_task=parent, **more, **who)


def counted(tenant: Tenant) -> list[TaskLine]:
    """The whole ledger, read in pages of seven."""
    found: list[TaskLine] = []
    while page := task_queries.ledger(
        tenant, ALWAYS, after=found[-1].place if found else None, limit=3
    ):
        found += page
    return found


@pytest.fixture
def agented(event: Events) -> Callable[[int], list[dict[str, Any]]]:
    """Random events; every task has one with an agent, for the oracle to name."""
    return lambda seed: [
        *random_tasks(event, seed),
        *[event.tokens(START, "m", task=name, id=f"first-{n}") for n, name in enumerate(NAMES)],
    ]


Agented = Callable[[int], list[dict[str, Any]]]


@pytest.mark.parametrize("seed", range(3))
def test_lines_trees_and_order_are_those_of_the_oracle(
    tenant: Tenant, agented: Agented, send: Send, roll: Roll, seed: int
) -> None:
    events = agented(seed)
    for n in range(3):
        send(tenant, events[n::3])
        roll(tenant)
    received = [*events[0::3], *events[1::3], *events[2::3]]
    expected = ledger_oracle.lines(received)
    found = counted(tenant)
    assert found == sorted(expected.values(), key=lambda line: line.place, reverse=True)
    trees = task_queries.trees(tenant, found)
    for line in found:
        below = trees.below(line.task)
        assert {one.task for one in below} == ledger_oracle.below(line.task, expected)
        assert sum((one.use for one in below), start=TaskUse()) == sum(
            (expected[one.task].use for one in below), start=TaskUse()
        )
        assert task_queries.find_task(tenant, line.task) == line


@pytest.mark.slow
def test_deriving_bit_by_bit_at_once_anew_and_after_a_kill_are_the_same(
    make_tenant: Callable[..., Tenant],
    agented: Agented,
    send: Send,
    roll: Roll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also in slices of a few tasks, and while lines that no longer count are swept."""
    events = agented(7)
    whole, parts = make_tenant(), make_tenant()
    send(whole, events)
    roll(whole)
    monkeypatch.setattr(ledger, "MOST_EVENTS_A_SLICE", 150)
    for n in range(4):
        send(parts, events[n * 90 : (n + 1) * 90])
        with monkeypatch.context() as patch:
            patch.setattr(rollup, "insert", killed_at("rollup_scans"))
            with pytest.raises(KeyboardInterrupt):
                roll(parts)
        at_once([lambda: roll_up([parts])] * 3)
    assert counted(parts) == counted(whole)
    rollup.forget_scans(parts.pk)
    roll(parts)
    assert counted(parts) == counted(whole)
    ledger.forget_old_lines(2**63)
    assert counted(parts) == counted(whole)
    [(rows,)] = select(
        "SELECT count() FROM rollup_ledger WHERE tenant = %(tenant)s", {"tenant": parts.pk}
    )
    assert rows == len(counted(whole))


def killed_at(table: str) -> Callable[..., None]:
    def dies(name: str, *rest: Any) -> None:
        if name == table:
            raise KeyboardInterrupt
        connection.insert(name, *rest)

    return dies


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_order_duplication_and_splitting_of_batches_change_no_line(
    make_tenant: Callable[..., Tenant], data: st.DataObject
) -> None:
    event = Events()
    events = [e for e in random_tasks(event, 3, 30) if e.get("subject")]
    first = {(e["source"], e["id"]): e for e in reversed(events)}
    events = list(first.values())  # one content for each identity, so that any may come first
    sent = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=3)))
    tenant = make_tenant()
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        ingest(tenant, encode(sent[start:end]))
        if data.draw(st.booleans()):
            roll_up([tenant])
    roll_up([tenant])
    expected = ledger_oracle.lines(events)
    assert {line.task: line for line in counted(tenant)} == expected


def test_lines_of_the_past_are_passed_over(
    tenant: Tenant, event: Events, send: Send, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks that were open twice before they ended, but for two; in pages of two."""
    monkeypatch.setattr(ledger_query, "FIRST_STRETCH", 2)
    at = [START + timedelta(minutes=n) for n in range(60)]
    send(tenant, [event.tokens(at[n], task=f"t{n}") for n in range(12)])
    roll(tenant)
    send(tenant, [event.tokens(at[20 + n], task=f"t{n}") for n in range(12)])
    roll(tenant)
    send(tenant, [event.task(at[40 + n], f"t{n}") for n in range(12) if n not in {0, 7}])
    roll(tenant)
    running = task_queries.LedgerFilter(statuses=("open",))
    assert [line.task for line in task_queries.ledger(tenant, ALWAYS, running, limit=2)] == [
        "t7",
        "t0",
    ]
    [line] = task_queries.ledger(tenant, ALWAYS, running, limit=1)
    after = task_queries.ledger(tenant, ALWAYS, running, line.place, limit=2)
    assert [line.task for line in after] == ["t0"]
    assert len(counted(tenant)) == 12


def test_merges_change_nothing(tenant: Tenant, agented: Agented, send: Send, roll: Roll) -> None:
    events = agented(5)
    for n in range(3):
        send(tenant, events[n::3])
        roll(tenant)
    before = counted(tenant)
    command("OPTIMIZE TABLE rollup_ledger FINAL")
    assert counted(tenant) == before


def test_a_changed_outcome_moves_the_line_and_leaves_nothing_behind(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    send(tenant, [event.tokens("2026-10-01T10:00:00Z", task="t", input_tokens=5)])
    roll(tenant)
    [line] = counted(tenant)
    assert (line.status, line.ended_at, f"{line.time:%d %H}") == ("open", None, "01 10")
    send(tenant, [event.task("2026-10-03T09:00:00Z", "t", "failed", parent_task="p")])
    roll(tenant)
    # An earlier outcome that arrives later is not the last one.
    send(tenant, [event.task("2026-10-02T09:00:00Z", "t", "succeeded")])
    roll(tenant)
    [line] = counted(tenant)
    assert (line.status, line.parent_task, f"{line.time:%d %H}") == ("failed", "p", "03 09")
    assert (line.use.event_count, line.use.input_tokens) == (3, 5)
    send(tenant, [event.task("2026-10-04T09:00:00Z", "t", "succeeded")])
    roll(tenant)
    [line] = counted(tenant)
    # The last outcome names no parent, so the task has none.
    assert (line.status, line.parent_task, line.use.event_count) == ("succeeded", "", 4)
    first_day = Period(START, START + timedelta(days=3))
    assert task_queries.ledger(tenant, first_day) == []


def test_a_task_whose_only_event_was_anothers_is_gone(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """As when it is found out late whose work a call is: its event is amended."""
    call = event.tokens(START, task="old", input_tokens=5)
    send(tenant, [call, event.tokens(START, task="stays")])
    roll(tenant)
    known = dict(call, data=dict(call["data"], task="new"))
    amend(tenant.pk, [Standing(parse_event(encode([known])[0], START + timedelta(days=1)), 1)])
    roll(tenant)
    assert {line.task: line.use.input_tokens for line in counted(tenant)} == {"new": 5, "stays": 0}
    assert task_queries.find_task(tenant, "old") is None


def test_a_circle_of_parents_ends() -> None:
    """a → b → a, and c below b: below a are b and c, below b are a and c."""
    children = {"a": ["b"], "b": ["a", "c"], "c": []}
    assert subtree("a", children) == ["b", "c"]
    assert subtree("b", children) == ["a", "c"]
    assert subtree("c", children) == []
