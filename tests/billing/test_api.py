"""The read API of money: what it says, to whom, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

CONFIGURATION = """
tenants: [{slug: alice, plan: pro}, {slug: charlie}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: calls, meter: {type: agent.tokens, aggregation: count, group_by: [model]}, charge: {model: per_unit, unit_amount: "0.5"}}
prices:
  - {model: big, valid_from: 2026-01-01, currency: USD, per: 1000, input: "1", cache_read: "0.1", cache_write: "1.25", output: "4"}
  - {chip: p800, valid_from: 2026-01-01, currency: USD, per_second: "0.001"}
  - {tool: search, valid_from: 2026-01-01, currency: USD, per_unit: "0.25"}
"""  # noqa: E501 - a price a line
RANGE = "from=2026-10-01&to=2026-11-01"


@pytest.fixture
def alice(apply: Run, event: Events, send: Send, roll: Callable[[Tenant], int]) -> Tenant:
    apply(CONFIGURATION)
    tenant = Tenant.objects.get(slug="alice")
    blocks: dict[str, Any] = {"prefix_blocks": ["p", "q"], "block_tokens": 500}
    send(
        tenant,
        [
            event.task("2026-10-02T10:05:00Z", "t1"),
            event.task("2026-10-02T10:06:00Z", "t2", status="failed"),
            event.tokens(
                "2026-10-02T10:00:00Z",
                "big",
                task="t1",
                input_tokens=1000,
                output_tokens=100,
                **blocks,
            ),
            # The same 1000 tokens of context: 400 out of the cache, 600 computed again.
            event.tokens(
                "2026-10-02T10:01:00Z",
                "big",
                task="t1",
                input_tokens=600,
                cache_read_tokens=400,
                output_tokens=100,
                **blocks,
            ),
            event.tokens("2026-10-02T10:02:00Z", "big", task="t2", input_tokens=300),
            event.tokens("2026-10-02T10:03:00Z", "big", task="t1", input_tokens=100, attempt=2),
            event.chip("2026-10-02T10:00:00Z", "2026-10-02T10:01:40Z", task="t1"),
            event("agent.tool", "2026-10-02T10:00:00Z", tool="search", task="t1", units="2"),
        ],
    )
    roll(tenant)
    return tenant


def test_repeat_work_stands_beside_the_cost(
    alice: Tenant, event: Events, send: Send, api: Api, roll: Callable[[Tenant], int]
) -> None:
    """t1 has no fingerprint; of the two that did the same, the second repeats: 1 of 3."""
    done = [event.task("2026-10-03T00:00:00Z", f"f{n}", fingerprint="w") for n in range(2)]
    send(alice, done)
    roll(alice)
    (row,) = api(alice).get(f"/api/v1/efficiency?{RANGE}").json()["rows"]
    assert (row["succeeded_tasks"], row["repeat_tasks"]) == (3, 1)
    assert row["repeat_work"] == "0.3333333333333333333333333333"
    days = api(alice).get(f"/api/v1/efficiency?{RANGE}&group_by=day").json()["rows"]
    # 3 October has tasks and no call: no token, no cost for each of the two.
    assert [(r["day"], r["repeat_tasks"], r["total_tokens"]) for r in days] == [
        ("2026-10-02", 0, 2600),
        ("2026-10-03", 1, 0),
    ]
    models = api(alice).get(f"/api/v1/efficiency?{RANGE}&group_by=model").json()["rows"]
    assert [(r["repeat_tasks"], r["repeat_work"]) for r in models] == [(None, None)]


def test_what_caches_avoided_stands_apart_and_is_taken_off_nothing(
    alice: Tenant, event: Events, send: Send, api: Api
) -> None:
    before = api(alice).get(f"/api/v1/usage?{RANGE}").json()["rows"][0]["cost"]
    look_ups: list[tuple[str, bool, dict[str, Any]]] = [
        ("semantic", True, {"model": "big", "saved_tokens": 1500}),
        ("semantic", True, {"model": "big", "saved_tokens": 500}),
        ("semantic", False, {"model": "big", "saved_tokens": 9}),
        ("tools", True, {}),
    ]
    for cache, hit, more in look_ups:
        send(alice, [event("agent.cache", "2026-10-05T00:00:00Z", cache=cache, hit=hit, **more)])
    rows = api(alice).get(f"/api/v1/caches?{RANGE}").json()["rows"]
    # 2,000 tokens at $1 for a thousand; a miss saves nothing; the cache of tools saved no token.
    assert rows == [
        {
            "cache": "semantic",
            "lookups": 3,
            "hits": 2,
            "cache_hit_rate": "0.6666666666666666666666666667",
            "saved_tokens": 2000,
            "avoided_cost": "2",
            "unpriced": [],
            "currency": "USD",
        },
        {
            "cache": "tools",
            "lookups": 1,
            "hits": 1,
            "cache_hit_rate": "1",
            "saved_tokens": 0,
            "avoided_cost": "0",
            "unpriced": [],
            "currency": "USD",
        },
    ]
    assert api(alice).get(f"/api/v1/usage?{RANGE}").json()["rows"][0]["cost"] == before
    unknown = event("agent.cache", "2026-10-06T00:00:00Z", cache="c", hit=True, saved_tokens=1)
    send(alice, [unknown])
    url = f"/api/v1/caches?{RANGE}&group_by=day"
    last = api(alice).get(url).json()["rows"][-1]
    assert (last["day"], last["avoided_cost"]) == ("2026-10-06", None)
    assert last["unpriced"] == ["cache c without a model"]
    assert api(Tenant.objects.get(slug="charlie")).get(url).json()["rows"] == []


def test_efficiency_tells_waste_apart_in_tokens_and_in_money(alice: Tenant, api: Api) -> None:
    (row,) = api(alice).get(f"/api/v1/efficiency?{RANGE}").json()["rows"]
    expected = {
        "requests": 4,
        "prompt_tokens": 2400,
        "output_tokens": 200,
        "total_tokens": 2600,
        "reusable_tokens": 1000,
        "repeated_tokens": 600,
        "repeated_share": "0.25",
        "failed_tokens": 300,
        "retried_tokens": 100,
        # 2600 − 600 − 300 − 100
        "effective_tokens": 1600,
        # 2000 × 0.001 + 400 × 0.0001 + 200 × 0.004
        "token_cost": "2.84",
        # 2.84 / 1600 × 1,000,000
        "token_efficiency_cost": "1775",
        # 600 × (0.001 − 0.0001)
        "saving_in_reach": "0.54",
        "succeeded_tasks": 1,
        # 2.84 + 100 s × 0.001 + 2 × 0.25, for the one that succeeded
        "cost_per_succeeded_task": "3.44",
        "unpriced": [],
    }
    assert {name: row[name] for name in expected} == expected
    # 400 / 2400
    assert row["hit_rate"].startswith("0.16666")
    assert row["efficiency"].startswith("0.61538")


def test_tasks_are_not_counted_by_model(alice: Tenant, api: Api) -> None:
    path = f"/api/v1/efficiency?{RANGE}&group_by="
    (by_model,) = api(alice).get(f"{path}model").json()["rows"]
    assert (by_model["succeeded_tasks"], by_model["cost_per_succeeded_task"]) == (None, None)
    (by_day,) = api(alice).get(f"{path}day,agent").json()["rows"]
    assert (by_day["succeeded_tasks"], by_day["cost_per_succeeded_task"]) == (1, "3.44")


def test_an_agent_without_model_calls_is_in_the_table(
    alice: Tenant, api: Api, event: Events, send: Send, roll: Callable[[Tenant], int]
) -> None:
    at = "2026-10-03T12:00:00Z"
    tool = event("agent.tool", at, "sweeper", task="swept", tool="search", units="2")
    send(alice, [tool, event.task(at, "swept", agent="sweeper")])
    roll(alice)
    rows = api(alice).get(f"/api/v1/efficiency?{RANGE}&group_by=agent").json()["rows"]
    row = {row["agent"]: row for row in rows}["sweeper"]
    # Two units of the tool at 0.25, for one task.
    assert (row["requests"], row["token_cost"]) == (0, "0")
    assert (row["succeeded_tasks"], row["cost_per_succeeded_task"]) == (1, "0.5")


def test_usage_says_what_was_used_and_what_it_cost(alice: Tenant, api: Api) -> None:
    (row,) = api(alice).get(f"/api/v1/usage?{RANGE}").json()["rows"]
    expected = {
        "requests": 4,
        "input_tokens": 2000,
        "cache_read_tokens": 400,
        "cache_write_tokens": 0,
        "output_tokens": 200,
        "reasoning_tokens": 0,
        "tasks": 2,
        "succeeded_tasks": 1,
        "tool_calls": 1,
        "chip_seconds": "100",
        "cost": "3.44",
    }
    assert {name: row[name] for name in expected} == expected


def test_usage_is_costed_before_any_rollup(
    alice: Tenant, event: Events, send: Send, api: Api
) -> None:
    send(alice, [event.tokens("2026-10-09T00:00:00Z", "big", input_tokens=1000)])
    rows = api(alice).get(f"/api/v1/usage?{RANGE}&group_by=day").json()["rows"]
    assert [(row["day"], row["cost"]) for row in rows] == [
        ("2026-10-02", "3.44"),
        ("2026-10-09", "1"),
    ]


def test_usage_by_group_adds_up_to_the_whole(alice: Tenant, api: Api) -> None:
    rows = api(alice).get(f"/api/v1/usage?{RANGE}&group_by=model,tool,chip").json()["rows"]
    assert {(row["model"], row["tool"], row["chip"]): row["cost"] for row in rows} == {
        ("", "", ""): "0",
        ("", "", "p800"): "0.1",
        ("", "search", ""): "0.5",
        ("big", "", ""): "2.84",
    }


def test_a_model_without_a_price_has_no_cost_and_is_named(
    alice: Tenant, event: Events, send: Send, roll: Callable[[Tenant], int], api: Api
) -> None:
    send(alice, [event.tokens("2026-10-03T00:00:00Z", "new", input_tokens=1)])
    roll(alice)
    (row,) = api(alice).get(f"/api/v1/efficiency?{RANGE}").json()["rows"]
    assert (row["token_cost"], row["token_efficiency_cost"]) == (None, None)
    assert row["unpriced"] == ["new"]
    rows = api(alice).get(f"/api/v1/usage?{RANGE}&group_by=model").json()["rows"]
    assert {row["model"]: row["cost"] for row in rows} == {"": "0.6", "big": "2.84", "new": None}


def test_a_range_without_usage_is_one_row_of_nothing(alice: Tenant, api: Api) -> None:
    for path in ("usage", "efficiency"):
        (row,) = api(alice).get(f"/api/v1/{path}?from=2026-01-01&to=2026-02-01").json()["rows"]
        assert row["requests"] == 0
    assert (row["token_cost"], row["hit_rate"], row["token_efficiency_cost"]) == ("0", None, None)


def test_invoices_are_listed_and_shown(alice: Tenant, api: Api, manage: Run) -> None:
    manage("close_month", "2026-10", "--finalize")
    manage("close_month", "2026-11")
    client = api(alice)
    rows = client.get("/api/v1/invoices").json()["rows"]
    assert [(row["number"], row["status"], row["total"]) for row in rows] == [
        (None, "draft", "0.00"),
        ("INV-2026-000001", "finalized", "2.00"),
    ]
    invoice = client.get("/api/v1/invoices/INV-2026-000001").json()
    assert invoice["period_start"] == "2026-10-01T00:00:00Z"
    (line,) = invoice["lines"]
    assert line == {
        "position": 1,
        "code": "calls",
        "description": "Calls · big",
        "quantity": "4",
        "unit": "request",
        "unit_amount": "0.5",
        "amount": "2.00",
        "group": {"model": "big"},
        "period_start": "2026-10-01T00:00:00Z",
        "period_end": "2026-11-01T00:00:00Z",
        "correction": False,
        "corrects": None,
        "kind": "usage",
    }
    page = client.get("/api/v1/invoices/INV-2026-000001/lines").json()
    assert page == {"rows": [line], "next": None}


def test_lines_are_paged(
    alice: Tenant,
    event: Events,
    send: Send,
    api: Api,
    manage: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(alice, [event.tokens("2026-10-03T00:00:00Z", model) for model in ("a", "b")])
    manage("close_month", "2026-10", "--finalize")
    monkeypatch.setattr("billing.api.LINES_PAGE", 2)
    first = api(alice).get("/api/v1/invoices/INV-2026-000001/lines").json()
    second = api(alice).get(first["next"]).json()
    assert [line["group"]["model"] for line in first["rows"]] == ["a", "b"]
    assert [line["group"]["model"] for line in second["rows"]] == ["big"]
    assert second["next"] is None


def test_a_line_leads_to_the_events_behind_it_page_by_page(
    alice: Tenant,
    event: Events,
    send: Send,
    api: Api,
    manage: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(alice, [event.tokens("2026-10-02T10:00:00Z", "other")])
    manage("close_month", "2026-10", "--finalize")
    send(alice, [event.tokens("2026-10-02T10:09:00Z", "big")])
    monkeypatch.setattr("billing.api.EVENTS_PAGE", 3)
    client = api(alice)
    first = client.get("/api/v1/invoices/INV-2026-000001/lines/1/events").json()
    second = client.get(first["next"]).json()
    # The four calls of model big that were invoiced; neither the other model's nor the late one.
    times = [row["time"] for row in first["rows"] + second["rows"]]
    assert times == [f"2026-10-02T10:0{minute}:00Z" for minute in range(4)]
    assert second["next"] is None
    assert client.get("/api/v1/invoices/INV-2026-000001/lines/9/events").status_code == 404


def test_alice_sees_her_invoice_and_charlie_nothing_of_it(
    alice: Tenant, api: Api, manage: Run
) -> None:
    manage("close_month", "2026-10", "--tenant", "alice", "--finalize")
    charlie = api(Tenant.objects.get(slug="charlie"))
    for path in ("invoices/INV-2026-000001", "invoices/INV-2026-000001/lines"):
        assert api(alice).get(f"/api/v1/{path}").status_code == 200
        assert charlie.get(f"/api/v1/{path}").status_code == 404
    assert charlie.get("/api/v1/invoices").json()["rows"] == []
    assert charlie.get(f"/api/v1/usage?{RANGE}").json()["rows"][0]["requests"] == 0
    file = b"".join(charlie.get("/api/v1/exports/lines.csv?period=2026-10").streaming_content)  # type: ignore[attr-defined]
    assert file.count(b"\r\n") == 1
    assert Client().get("/api/v1/invoices").status_code == 401


def test_an_export_has_the_same_bytes_as_the_command(
    alice: Tenant, api: Api, manage: Run, tmp_path: Any
) -> None:
    manage("close_month", "2026-10", "--finalize")
    for kind in ("invoices", "lines", "usage"):
        out = tmp_path / f"{kind}.csv"
        manage("export", kind, "--period", "2026-10", "--tenant", "alice", "--out", str(out))
        answer = api(alice).get(f"/api/v1/exports/{kind}.csv?period=2026-10")
        assert b"".join(answer.streaming_content) == out.read_bytes()  # type: ignore[attr-defined]
        assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert answer["Content-Disposition"] == f'attachment; filename="alice-{kind}-2026-10.csv"'
    assert (tmp_path / "lines.csv").read_bytes().split(b"\r\n")[1] == (
        b"alice,2026-10,INV-2026-000001,1,calls,Calls \xc2\xb7 big,4,request,0.5,2,2.00,USD,"
        b'"{""model"": ""big""}",2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,false,usage'
    )


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("usage?from=yesterday", 400, "from: 'yesterday' is not a date"),
        ("usage?from=2026-10-02&to=2026-10-02", 400, "to: must be after from"),
        ("usage?group_by=colour", 400, "group_by: 'colour' is not one of"),
        ("efficiency?group_by=chip", 400, "group_by: 'chip' is not one of"),
        ("invoices/INV-2026-000001/lines?after=x", 400, "after: 'x' is not the position"),
        ("exports/lines.csv", 400, "period:  is not a month"),
        ("exports/poems.csv?period=2026-10", 404, "there is no export poems"),
        ("invoices/INV-1", 404, "there is no invoice INV-1"),
    ],
)
def test_a_bad_request_is_a_problem_that_names_the_parameter(
    alice: Tenant, api: Api, manage: Run, path: str, status: int, said: str
) -> None:
    answer = api(alice).get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert said in f"{answer.json()['title']} {answer.json()['detail']}"
