"""The task ledger with money: worked examples, and that it adds up to the month's usage."""

import csv
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing import queries
from billing.models import Invoice
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import month_period
from tests.conftest import Events
from tests.metering.test_ledger_numbers import random_tasks

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

PRICES = """
prices:
  - {model: m, valid_from: 2026-01-01, currency: USD, per: 1000, input: "1", cache_read: "0.1", cache_write: "1.25", output: "4"}
  - {model: m, above_prompt_tokens: 5000, valid_from: 2026-01-01, currency: USD, per: 1000, input: "2", cache_read: "0.2", cache_write: "2.5", output: "8"}
  - {model: n, valid_from: 2026-01-01, currency: USD, per: 3, input: "1", cache_read: "1", cache_write: "1", output: "1"}
  - {chip: p, valid_from: 2026-01-01, currency: USD, per_second: "0.001"}
  - {tool: search, valid_from: 2026-01-01, currency: USD, per_unit: "0.25"}
"""  # noqa: E501 - a price a line
RANGE = "from=2026-10-01&to=2026-11-01"
OCTOBER = month_period("2026-10", "UTC")


def plan(*charges: str) -> str:
    lines = "\n".join(f"      - {{code: c{n}, {charge}}}" for n, charge in enumerate(charges))
    head = "tenants: [{slug: acme, plan: pro}]\nplans:\n  - code: pro\n    currency: USD\n"
    return f"{head}    valid_from: 2026-01-01\n    charges:\n{lines}\n{PRICES}"


INPUT = "meter: {type: agent.tokens, value: input_tokens}, charge: "
PER_UNIT = INPUT + '{model: per_unit, unit_amount: "0.002"}'


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(plan(PER_UNIT))
    return Tenant.objects.get(slug="acme")


def rows(api: Api, tenant: Tenant, query: str = RANGE) -> dict[str, dict[str, Any]]:
    """Every row by its task, over all pages."""
    found: dict[str, dict[str, Any]] = {}
    url = f"/api/v1/tasks?{query}"
    while url:
        page = api(tenant).get(url).json()
        found |= {row["task"]: row for row in page["rows"]}
        url = page["next"]
    return found


def work(event: Events) -> list[dict[str, Any]]:
    """A task with a sub-task of another agent, which has one too; and work of no task.

    top:   1000 in, 100 out, a chip for 100 s, a tool twice (one error), two look-ups (one hit)
    mid:   2000 in of model m, failed
    leaf:  6000 in of m, above the threshold, told in two parts of one request
    """
    at = "2026-10-02T10:0{}:00Z".format
    return [
        event.tokens(at(0), "m", "ada", task="top", input_tokens=1000, output_tokens=100),
        event.chip(at(0), at(1), "p", "ada", task="top", count="2"),
        event.chip(at(1), at(2), "p", "ada", task="top", phase="idle"),
        event("agent.tool", at(1), "ada", task="top", tool="search"),
        event("agent.tool", at(1), "ada", task="top", tool="search", status="error", units="2"),
        event("agent.cache", at(1), "ada", task="top", cache="c", hit=True, saved_tokens=40),
        event("agent.cache", at(1), "ada", task="top", cache="c", hit=False),
        event.task(at(8), "top", agent="ada", session="s", labels={"team": "x"}),
        event.tokens(at(2), "m", "bob", task="mid", input_tokens=2000),
        event.task(at(7), "mid", "failed", agent="bob", parent_task="top"),
        event.tokens(at(3), "m", "cy", task="leaf", input_tokens=5000, other_prompt_tokens=1000),
        event.tokens(
            at(3), "m", "cy", task="leaf", input_tokens=1000, part=2, other_prompt_tokens=5000
        ),
        event.task(at(6), "leaf", agent="cy", parent_task="mid"),
        event.tokens(at(4), "m", "ada", input_tokens=500),
        event.tokens(at(5), "m", "ada", task="open", input_tokens=10),
    ]


def test_a_line_has_its_own_and_its_trees_numbers(
    acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, work(event))
    roll(acme)
    found = rows(api, acme)
    # The newest outcome first; the open task stands where its last event does.
    assert list(found) == ["top", "mid", "leaf", "open"]
    top = found["top"]
    own: dict[str, Any] = {"input_tokens": 1000, "output_tokens": 100, "cache_lookups": 2}
    own |= {
        "cache_hits": 1,
        "saved_tokens": 40,
        "tool_calls": 2,
        "tool_errors": 1,
        "chip_seconds": "180",
    }
    own |= {"chip_seconds_active": "120", "chip_seconds_idle": "60", "event_count": 8}
    # 1000 × 1/1000 + 100 × 4/1000 + 180 × 0.001 + 3 × 0.25 = 1 + 0.4 + 0.18 + 0.75
    own |= {"cost": "2.33", "price": "2", "margin": "-0.33", "agent": "ada", "session": "s"}
    assert {name: top[name] for name in own} == own
    parts = {"useful": "1.4", "repeated": "0", "failed": "0", "retried": "0"}
    assert top["cost_parts"] == parts | {"chips": "0.18", "tools": "0.75"}
    # mid: 2000 × 1/1000 = 2; leaf: 6000 × 2/1000 = 12, for its prompt is above 5000.
    assert [found[task]["cost"] for task in ("mid", "leaf", "open")] == ["2", "12", "0.01"]
    assert found["mid"]["cost_parts"]["failed"] == "2"
    tree = top["with_subtasks"]
    # 2.33 + 2 + 12 = 16.33; (1000 + 2000 + 6000) × 0.002 = 18
    assert (tree["subtasks"], tree["cost"], tree["price"]) == (2, "16.33", "18")
    assert (tree["margin"], tree["input_tokens"], tree["event_count"]) == ("1.67", 9000, 13)
    assert tree["requests"] == 3
    assert found["mid"]["with_subtasks"]["cost"] == "14"
    assert (found["open"]["status"], found["open"]["ended_at"]) == ("open", None)


def test_a_task_shows_its_tree_and_its_events_with_their_costs(
    acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, work(event))
    roll(acme)
    client = api(acme)
    top = client.get("/api/v1/tasks/top").json()
    assert [(row["task"], row["parent_task"]) for row in top["tree"]] == [
        ("mid", "top"),
        ("leaf", "mid"),
    ]
    assert top["tree_is_whole"]
    events = top["events"]["rows"]
    assert len(events) == top["event_count"] == 8
    assert sum(Decimal(row["cost"]) for row in events) == Decimal(top["cost"])
    assert events[0]["data"]["model"] == "m"
    paged, url = [], "/api/v1/tasks/top/events?limit=3"
    while url:
        page = client.get(url).json()
        paged += page["rows"]
        url = page["next"]
    assert paged == events


IDS = ["a/b", "a//b/", "../x", "..", ".", "é ☃", "50%", "a%2Fb", "?x=1", "#h", "t/events", "~"]
IDS += ["~x", " ", "a\\b", "a;b", "'\"<b>", "\n", "x" * 512]


def test_any_id_has_an_address(
    acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    at = "2026-10-02T10:00:00Z"
    send(acme, [event.tokens(at, "m", task=task, input_tokens=n) for n, task in enumerate(IDS)])
    roll(acme)
    client = api(acme)
    found = rows(api, acme)
    assert set(found) == set(IDS)
    for n, task in enumerate(IDS):
        detail = client.get(found[task]["url"]).json()
        assert (detail["task"], detail["input_tokens"]) == (task, n)
        assert len(client.get(f"{found[task]['url']}/events").json()["rows"]) == 1
    # As clients write one that does not end in what stands for something else.
    assert client.get("/api/v1/tasks/a%2F%2Fb%2F").json()["task"] == "a//b/"


def test_filters_and_pages(acme: Tenant, event: Events, send: Send, roll: Roll, api: Api) -> None:
    send(acme, work(event))
    roll(acme)
    for query, tasks in [
        ("status=failed", ["mid"]),
        ("status=open,failed", ["mid", "open"]),
        ("agent=cy", ["leaf"]),
        ("session=s", ["top"]),
        ("parent_task=top", ["mid"]),
        ("parent=mid", ["leaf"]),
        ("labels.team=x", ["top"]),
        ("labels.team=y", []),
        ("model=n", []),
        ("model=m&limit=1", ["top", "mid", "leaf", "open"]),
        ("prefix=o", ["open"]),
        ("limit=3", ["top", "mid", "leaf", "open"]),
    ]:
        assert list(rows(api, acme, f"{RANGE}&{query}")) == tasks, query
    assert list(rows(api, acme, "from=2026-10-03&to=2026-11-01")) == []


def test_the_dearest_first(
    acme: Tenant,
    event: Events,
    send: Send,
    roll: Roll,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """leaf 12, top 2.33, mid 2, open 0.01; then what has no price, and of equals the first name."""
    at = "2026-10-02T10:00:00Z"
    send(acme, work(event))
    send(acme, [event.tokens(at, "odd", task=task, input_tokens=1) for task in ("y", "x")])
    roll(acme)
    order = ["leaf", "top", "mid", "open", "x", "y"]
    for limit in (1, 4, 5, 100):
        assert list(rows(api, acme, f"{RANGE}&sort=cost&limit={limit}")) == order
    assert list(rows(api, acme, f"{RANGE}&sort=cost&min_cost=2&limit=2")) == ["leaf", "top", "mid"]
    assert list(rows(api, acme, f"{RANGE}&sort=cost&status=open")) == ["open", "x", "y"]
    monkeypatch.setattr("billing.dearest_tasks.MOST", 5)
    answer = api(acme).get(f"/api/v1/tasks?{RANGE}&sort=cost")
    assert answer.status_code == 400
    assert "more than 5 tasks match" in answer.content.decode()


BAD = [
    ("tasks?sort=size", 400, "sort: 'size' is not one of time, cost"),
    ("tasks?min_cost=1", 400, "min_cost: goes with sort=cost"),
    ("tasks?sort=cost&min_cost=cheap", 400, "min_cost: 'cheap' is not an amount"),
    ("tasks?sort=cost&min_cost=NaN", 400, "min_cost: 'NaN' is not an amount"),
    ("tasks?agnet=x", 400, "agnet: is not a filter of tasks"),
    ("tasks?status=done", 400, "status: 'done' is not one of open, succeeded"),
    ("tasks?limit=0", 400, "limit: must be a number from 1 to 500, not '0'"),
    ("tasks?after_time=x", 400, "after_time: 'x' is not a moment"),
    ("tasks/top/events?time=2026-10-01T00:00:00", 400, "time: has no time zone"),
    ("tasks/nothing", 404, "there is no task 'nothing'"),
    ("tasks/nothing/events", 404, "there is no task 'nothing'"),
    ("tasks/~%C3%A9", 404, ""),
    ("tasks/~a", 404, ""),
]


def test_a_bad_request_names_the_parameter(
    acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, work(event))
    roll(acme)
    client = api(acme)
    for path, status, said in BAD:
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == status, path
        assert said in answer.content.decode()


def test_another_tenants_task_is_not_there(
    acme: Tenant,
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Send,
    roll: Roll,
    api: Api,
) -> None:
    """Bob has a task of the same name, below one of another tenant's."""
    bob = make_tenant()
    send(acme, work(event))
    send(bob, [event.task("2026-10-02T11:00:00Z", "own", parent_task="top")])
    roll(acme)
    roll(bob)
    assert list(rows(api, bob)) == ["own"]
    for path in ("tasks/top", "tasks/top/events"):
        assert api(acme).get(f"/api/v1/{path}").status_code == 200
        assert api(bob).get(f"/api/v1/{path}").status_code == 404
    assert rows(api, acme)["top"]["with_subtasks"]["subtasks"] == 2
    assert Client().get("/api/v1/tasks").status_code == 401


def test_what_has_no_price_has_no_cost_and_says_so(
    acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, work(event))
    send(acme, [event.tokens("2026-10-02T10:03:00Z", "odd", task="leaf", input_tokens=1)])
    roll(acme)
    found = rows(api, acme)
    leaf, tree = found["leaf"], found["top"]["with_subtasks"]
    assert (leaf["cost"], leaf["unpriced"], leaf["margin"]) == (None, ["odd"], None)
    assert (tree["cost"], tree["unpriced"], tree["margin"]) == (None, ["odd"], None)
    assert found["top"]["cost"] == "2.33"


COUNT = "meter: {type: agent.tool, aggregation: count}, charge: "
TIERS = '[{up_to: "1000", unit_amount: "1"}, {up_to: null, unit_amount: "0.1", flat_amount: "99"}]'
EACH = '{model: per_unit, unit_amount: "0.002"'
# What is charged for top, which has 1000 of 9510 input tokens, and what is charged to no task.
CHARGES: list[tuple[str, str, str]] = [
    # 1000 × 0.002
    (PER_UNIT, "2", ""),
    # 1000 / 500 × 0.002, less 10 %
    (
        INPUT + EACH + ', unit_conversion: {divide_by: "500"}, discount_percent: "10"}',
        "0.0036",
        "",
    ),
    (COUNT + '{model: percentage, rate_percent: "50"}', "1", ""),
    # 1000 × 1 % is raised to 12
    (INPUT + '{model: percentage, rate_percent: "1", minimum_amount_per_event: "12"}', "12", ""),
    ("meter: {metric: succeeded_tasks}, charge: " + EACH + "}", "0.002", ""),
    # 2.33 × 1.1
    ("meter: {metric: cost}, charge: {model: percentage, rate_percent: '110'}", "2.563", ""),
    # 1000 in and 100 out
    ("meter: {metric: effective_tokens}, charge: " + EACH + "}", "2.2", ""),
    # Ten started thousands at 3 are 30, of which top has 1000/9510 = 3.154574132492…
    (INPUT + '{model: package, package_size: "1000", package_amount: "3"}', "3.154574132492", ""),
    # (9510 - 510) × 0.002 = 18, of which top has 1000/9510
    (INPUT + EACH + ', free_units: "510"}', "1.892744479495", ""),
    # 1000 × 1 + 8510 × 0.1 = 1851, of which top has 1000/9510
    (
        INPUT + "{model: graduated, tiers: " + TIERS + "}",
        "194.637223974763",
        "flat amounts are owed by the month",
    ),
    (INPUT + EACH + ", minimum_amount: '500'}", "2", "the minimum is owed by the month"),
    (
        "meter: {metric: delivering_agent_days}, charge: " + EACH + "}",
        "0",
        "is charged for an agent's day, whatever it did on it",
    ),
]
WHOLE = [
    ("charge: {model: burst}", "depends on all chips that are in use at once"),
    (
        "meter: {type: agent.tokens, aggregation: max, value: input_tokens}, charge: " + EACH + "}",
        "the max of all events is not a sum over tasks",
    ),
    (
        INPUT + '{model: percentage, rate_percent: "1", fixed_amount_per_event: "1",'
        ' free_units: "5"}',
        "prices each event, and all of them together beside",
    ),
    (
        "meter: {type: agent.tokens, value: input_tokens, window: day}, charge: "
        '{model: package, package_size: "1000", package_amount: "3"}',
        "each day is rated alone, whatever tasks it had",
    ),
]


def test_what_of_a_charge_is_a_tasks(
    apply: Run, acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, work(event))
    roll(acme)
    for charge, price, said in CHARGES:
        apply(plan(charge))
        answer = api(acme).get(f"/api/v1/tasks?{RANGE}&prefix=top").json()
        [top] = answer["rows"]
        assert abs(Decimal(top["price"]) - Decimal(price)) < Decimal("1e-12"), charge
        assert abs(Decimal(top["margin"]) - (Decimal(price) - Decimal("2.33"))) < Decimal("1e-12")
        assert answer["charged_to_no_task"] == ([f"c0: {said}"] if said else []), charge


def test_a_charge_that_is_no_sum_over_tasks_leaves_the_price_of_its_users_unknown(
    apply: Run, acme: Tenant, event: Events, send: Send, roll: Roll, api: Api
) -> None:
    send(acme, [*work(event), event.task("2026-10-02T11:00:00Z", "idle")])
    roll(acme)
    for charge, said in WHOLE:
        apply(plan(PER_UNIT, charge))
        found = rows(api, acme)
        assert (found["top"]["price"], found["top"]["margin"]) == (None, None)
        assert found["top"]["price_unknown"] == [f"c1: {said}"]
        assert (found["idle"]["price"], found["idle"]["margin"]) == ("0", "0")


def test_a_task_before_any_plan_has_no_price(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll, api: Api
) -> None:
    tenant = make_tenant()
    send(tenant, work(event))
    roll(tenant)
    top = rows(api, tenant)["top"]
    assert (top["price"], top["price_unknown"]) == (None, ["no plan was in force"])


def test_prices_of_all_tasks_are_what_the_invoice_charges(
    apply: Run, event: Events, send: Send, roll: Roll, api: Api, manage: Run
) -> None:
    """Where every event has a task, whatever the model of the charge."""
    charges = [charge for charge, _, said in CHARGES if not said]
    apply(plan(*charges))
    tenant = Tenant.objects.get(slug="acme")
    send(tenant, [e for e in work(event) if e["data"].get("task")])
    roll(tenant)
    manage("close_month", "2026-10")
    lines = Invoice.objects.get(tenant=tenant).lines.all()
    charged = sum((line.exact_amount for line in lines), start=Decimal(0))
    priced = sum(Decimal(row["price"]) for row in rows(api, tenant).values())
    assert abs(priced - charged) < Decimal("1e-20")


def exported(manage: Run, tmp_path: Any, month: str) -> list[dict[str, str]]:
    out = tmp_path / "tasks.csv"
    manage("export", "tasks", "--period", month, "--tenant", "acme", "--out", str(out))
    first = out.read_bytes()
    manage("export", "tasks", "--period", month, "--tenant", "acme", "--out", str(out))
    assert out.read_bytes() == first
    return list(csv.DictReader(first.decode().splitlines()))


@pytest.mark.parametrize("month", ["2026-09", "2026-10"])
def test_the_file_of_a_month_adds_up_to_its_usage(
    acme: Tenant, event: Events, send: Send, manage: Run, tmp_path: Any, month: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Tasks over the end of a month count in both, with what they did in each."""
    monkeypatch.setattr("billing.exports.tasks.BATCH", 5)
    events = random_tasks(event, 11)
    chance = random.Random(11)
    for one in events:
        if chance.random() < 0.4:
            one["time"] = one["time"].replace("2026-10-0", "2026-09-2")
    assert not send(acme, events).rejected
    period = month_period(month, "UTC")
    found = exported(manage, tmp_path, month)
    by_task = queries.usage(acme, period, ("task",))
    expected = {row.usage.group["task"]: row for row in by_task if row.usage.group["task"]}
    assert {row["task"].removeprefix("'") for row in found} == set(expected)
    for name in ("requests", "input_tokens", "cache_read_tokens", "output_tokens", "tool_calls"):
        total = sum(getattr(row.usage, name) for row in expected.values())
        assert sum(int(row[name]) for row in found) == total
    phases = [f"chip_seconds_{phase}" for phase in ("active", "idle", "cold_start")]
    chips = sum(Decimal(row[phase]) for row in found for phase in phases)
    assert chips == sum(row.usage.chip_seconds for row in expected.values())
    costs = [(row.cost, row.usage.group["task"]) for row in expected.values()]
    for row in found:
        cost = expected[row["task"].removeprefix("'")].cost
        assert abs(Decimal(row["cost"]) - (cost or 0)) < Decimal("1e-50")
    assert len(found) == len(costs) > 10


def test_the_export_has_the_bytes_of_the_command(
    acme: Tenant, event: Events, send: Send, api: Api, manage: Run, tmp_path: Any
) -> None:
    send(acme, work(event))
    found = exported(manage, tmp_path, "2026-10")
    assert [row["task"] for row in found] == ["open", "leaf", "mid", "top"]
    assert found[-1]["labels"] == '{"team": "x"}'
    assert (found[-1]["cost"], found[-1]["price"], found[-1]["margin"]) == ("2.33", "2", "-0.33")
    answer = api(acme).get("/api/v1/exports/tasks.csv?period=2026-10")
    sent = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert sent == (tmp_path / "tasks.csv").read_bytes()
