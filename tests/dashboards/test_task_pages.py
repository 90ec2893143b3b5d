"""The list of tasks and the page of one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser

from dashboards.charts import task as chart
from metering.models import Tenant
from tests.conftest import Events
from tests.dashboards.conftest import Send
from tests.dashboards.test_browser import Visitor, browser, password, server  # noqa: F401
from tests.dashboards.test_invoice_pages import read

MONTH = "?month=2026-10"


@pytest.fixture
def fleet(worked: Tenant, send: Send, roll: Callable[[Tenant], int], event: Events) -> Tenant:
    """Besides the work of acme: a task with a sub-task, whose id has a slash, and an open one."""
    at = "2026-10-06T10:00:{:02}Z".format
    send(
        worked,
        [
            event.tokens(at(3), task="plan", input_tokens=500_000, duration_ms=2500),
            event("agent.tool", at(5), "ada", tool="search", task="plan", status="error"),
            event.chip(at(6), at(9), agent="ada", task="plan"),
            event("agent.cache", at(6), "ada", task="plan", cache="answers", hit=True),
            event.task(at(20), "plan", labels={"team": "x"}),
            event.tokens(at(7), agent="bob", task="step/1", output_tokens=10_000),
            event.task(at(8), "step/1", "failed", agent="bob", parent_task="plan"),
            event.tokens(at(30), "odd", task="<b>open", input_tokens=7),
        ],
    )
    roll(worked)
    return worked


def test_the_list_has_the_newest_first_with_cost_and_tree(alice: Client, fleet: Tenant) -> None:
    text = read(alice, f"/tasks/{MONTH}")
    order = [text.index(name) for name in ("<b>open open", "plan succ", "step/1 f", "a2 f")]
    assert order == sorted(order)
    # The tool has no price; from the call at :03 to the outcome at :20 it took 17 s.
    assert "plan succeeded unpriced unpriced 1 below – ada 6 Oct 2026, 10:00 17 s 500,000" in text
    # 10,000 × $10/1,000,000 = $0.10, for which the plan charges nothing
    assert "step/1 failed $0.100 $0.100 −$0.100 bob 6 Oct 2026, 10:00 1 s 10,000 0 0" in text


FILTERS = [
    ("status=open", "<b>open", "step/1"),
    ("agent=bob", "step/1", "plan succ"),
    ("prefix=st", "step/1", "plan succ"),
    ("label=team%3Dx", "plan succ", "step/1"),
    ("parent_task=plan", "step/1", "a2"),
    ("model=odd", "<b>open", "step/1"),
    ("agent=nobody", "No tasks like that in 1–31 Oct 2026", "plan succ"),
]


def test_filters_are_in_the_address(alice: Client, fleet: Tenant) -> None:
    for query, shown, hidden in FILTERS:
        text = read(alice, f"/tasks/{MONTH}&{query}")
        assert shown in text, query
        assert hidden not in text, query


def test_pages_go_on_where_the_one_before_ended(
    alice: Client, fleet: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.task_views.PAGE", 2)
    first = alice.get(f"/tasks/{MONTH}&agent=ada")
    second = alice.get(f"/tasks/{MONTH}&{first.context['older']}")
    names = [row.task for page in (first, second) for row in page.context["rows"]]
    assert names == ["<b>open", "plan", "a2", "a1"]
    assert "older" not in second.context
    assert "« First page" in second.content.decode()


def test_the_dearest_come_first_where_asked(
    alice: Client, fleet: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """a1 $2, a2 $1.70, b1 $1, step/1 $0.10; what has no price last."""
    monkeypatch.setattr("dashboards.task_views.PAGE", 3)
    first = alice.get(f"/tasks/{MONTH}&sort=cost")
    second = alice.get(f"/tasks/{MONTH}&{first.context['older']}")
    names = [row.task for page in (first, second) for row in page.context["rows"]]
    assert names == ["a1", "a2", "b1", "step/1", "<b>open", "plan"]
    monkeypatch.setattr("billing.dearest_tasks.MOST", 5)
    answer = alice.get(f"/tasks/{MONTH}&sort=cost")
    assert answer.status_code == 400
    assert "more than 5 tasks match" in answer.content.decode()


def test_a_task_shows_its_money_steps_and_sub_tasks(alice: Client, fleet: Tenant) -> None:
    text = read(alice, "/tasks/plan")
    assert "Not all of its money is known. tool search" in text
    assert "06 Oct 10:00:00 m 2.5 s 500,000 in, 0 out $1.00" in text
    assert "06 Oct 10:00:06 1 × p800 3.0 s active $0.00300" in text
    assert "step/1 bob failed 1 s 10,000 $0.100" in text
    sub = alice.get("/tasks/plan").context["page"].subtasks[0]
    assert sub.depth == 1
    page = read(alice, "/tasks/~c3RlcC8x")  # step/1
    assert "sub-task of plan" in page
    assert "None names this task as its parent." in page


def test_bad_filters_and_places_are_said(alice: Client, fleet: Tenant) -> None:
    for query, said in [
        ("status=done", "status: &#x27;done&#x27; is not one of open"),
        ("label=x", "is not written as key=value"),
        ("after_time=x", "The place of the page cannot be read"),
        ("month=x", "x is not a month"),
    ]:
        answer = alice.get(f"/tasks/?{query}")
        assert answer.status_code == 400
        assert said in answer.content.decode()


def test_nobody_sees_anothers_task(charlie: Client, fleet: Tenant) -> None:
    assert "plan" not in charlie.get(f"/tasks/{MONTH}").content.decode()
    assert charlie.get("/tasks/plan").status_code == 404
    assert Client().get("/tasks/plan").status_code == 302


def test_a_bar_for_each_step_in_order_of_its_beginning() -> None:
    start = datetime(2026, 10, 6, 10, tzinfo=UTC)
    steps = [
        chart.Step(kind="agent.tokens", name="m", start=start, end=start + timedelta(seconds=10),
                   detail="5 in, 1 out", cost=Decimal("0.5")),
        chart.Step(kind="agent.tool", name="<i>", start=start + timedelta(seconds=4),
                   end=start + timedelta(seconds=4), detail="ok", cost=None),
    ]  # fmt: skip
    [bars] = chart.figure(steps, "USD", "Asia/Shanghai").data
    # What took no time is as wide as can be pointed at: 10 s / 250.
    assert list(bars.x) == [10_000, 40]
    assert list(bars.marker.color) == ["var(--useful)", "var(--tools)"]
    assert bars.customdata[1] == "<b>‹i></b>  unpriced<br>ok<br>18:00:04, 0\u00a0ms"
    table = chart.table(steps, "USD", "Asia/Shanghai")
    assert table.rows[0] == ("06 Oct 18:00:00", "m", "10.0\u00a0s", "5 in, 1 out", "$0.500")


@pytest.mark.browser
@pytest.mark.usefixtures("password", "fleet")
@pytest.mark.parametrize("size", [{"width": 1400, "height": 1000}, {"width": 390, "height": 844}])
def test_pages_in_a_browser(browser: Browser, server: str, size: Any) -> None:  # noqa: F811
    visitor = Visitor(browser, server, viewport=size)
    visitor.log_in()
    visitor.page.goto(f"{server}/tasks/{MONTH}")
    visitor.page.get_by_label("Agent").fill("ada")
    visitor.page.get_by_role("button", name="Find").click()
    visitor.page.get_by_role("link", name="plan").click()
    visitor.page.locator("[data-drawn]").wait_for()
    assert visitor.page.locator("#waterfall .barlayer .point").count() == 4
    assert visitor.value("document.documentElement.scrollWidth") == size["width"]
    visitor.page.get_by_role("link", name="step/1").click()
    visitor.page.get_by_role("heading", name="step/1").wait_for()
    assert visitor.complaints == []


TICKS = [
    # 2 minutes 55 seconds: every half minute, on the half minute
    (175, ["12:00:30", "12:01:00", "12:01:30", "12:02:00", "12:02:30", "12:03:00"]),
    # a fifth of a second
    (0.2, ["12:00:10.000", "12:00:10.050", "12:00:10.100", "12:00:10.150", "12:00:10.200"]),
    # two days from noon, every half day from midnight of the tenant's clock
    (172_800, ["02 Oct 00:00", "02 Oct 12:00", "03 Oct 00:00", "03 Oct 12:00"]),
]


@pytest.mark.parametrize(("length", "named"), TICKS)
def test_time_is_named_at_even_steps(length: float, named: list[str]) -> None:
    # 04:00:10 UTC is 12:00:10 in Shanghai.
    start = datetime(2026, 10, 1, 4, 0, 10, tzinfo=UTC)
    step = chart.Step(
        kind="agent.chip",
        name="h100",
        start=start,
        end=start + timedelta(seconds=length),
        detail="",
        cost=None,
    )
    axis = chart.figure([step], "USD", "Asia/Shanghai").layout.xaxis
    assert list(axis.ticktext) == named
