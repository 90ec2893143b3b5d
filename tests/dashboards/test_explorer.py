"""The spend explorer: chart, table and file agree, and every number leads down to its events.

October of acme, at its cost book: ada $2.00 on the 1st and $1.70 on the 2nd, the latter failed;
bob $1.00 of tokens on the 1st and $3.00 of chips on the 3rd. Together $7.70.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.dashboards.test_overview_page import plain

MONTH = "month=2026-10"
Send = Callable[[Tenant, list[dict[str, Any]]], Report]


def read(person: Client, query: str, page: str = "/spend/") -> str:
    response = person.get(f"{page}?{query}")
    assert response.status_code == 200, response.content
    return response.content.decode()


def table(person: Client, query: str) -> list[dict[str, str]]:
    response = person.get(f"/spend/table.csv?{query}")
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


def bars(page: str) -> dict[str, Decimal]:
    """What the chart draws, by series, added up."""
    found = re.search(r'<script id="spend-figure"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    traces = [t for t in json.loads(found[1])["data"] if t["type"] == "bar"]
    return {trace["name"]: sum(map(Decimal, trace["y"]), Decimal(0)) for trace in traces}


def tasks(page: str) -> list[str]:
    """The tasks of the events on a page."""
    return re.findall(r'class="task-id" href="/tasks/([^"]+)"', page)


@pytest.fixture
def labelled(worked: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any) -> Tenant:
    """And $0.20 of a team's on 5 Oct, in a task of its own, with a tool that has no price."""
    labels = {"team": "search"}
    at = "2026-10-05T09:00:00Z"
    send(
        worked,
        [
            event.tokens(at, agent="cyd", task="c1", input_tokens=100_000, labels=labels),
            event.task(at, "c1", agent="cyd", labels=labels),
            event("agent.tool", at, "cyd", task="c1", tool="=sql", labels=labels),
        ],
    )
    roll(worked)
    return worked


def test_by_cause_it_is_the_spend_of_the_overview(alice: Client, worked: Tenant) -> None:
    page = read(alice, MONTH)
    assert "$7.70" in page
    # ada's failed call: 0.8 × $2 + 0.2 × $0.5; bob's chips: 5 × 600 s × $0.001.
    expected = {"Useful tokens": "3", "Failed tokens": "1.7", "Chips": "3"}
    drawn = {name: amount for name, amount in bars(page).items() if amount}
    assert drawn == {name: Decimal(amount) for name, amount in expected.items()}


def test_by_agent_chart_table_and_file_agree(alice: Client, worked: Tenant) -> None:
    page = read(alice, f"{MONTH}&group=agent")
    assert bars(page) == {"bob": Decimal(4), "ada": Decimal("3.7")}
    rows = table(alice, f"{MONTH}&group=agent")
    assert [(row["agent"], row["cost"]) for row in rows] == [("bob", "4"), ("ada", "3.7")]
    assert "bob $4.00 51.9 %" in plain(page)
    assert [row["tasks"] for row in rows] == ["1", "2"]
    assert [row["chip_seconds"] for row in rows] == ["3000", "0"]


def test_a_click_narrows_and_the_address_holds_it(alice: Client, worked: Tenant) -> None:
    page = read(alice, f"{MONTH}&group=agent")
    assert f'href="?{MONTH}&amp;group=model&amp;agent=bob"' in page
    narrowed = read(alice, f"{MONTH}&group=model&agent=bob")
    # Chips have no model: what bob's cost stands under none.
    assert bars(narrowed) == {"no model": Decimal(3), "m": Decimal(1)}
    assert f'href="?{MONTH}&amp;group=model"' in narrowed  # takes the filter away again
    rows = table(alice, f"{MONTH}&group=chip&agent=bob")
    assert [(row["chip"], row["cost"]) for row in rows] == [("p800", "3"), ("", "1")]
    assert table(alice, f"{MONTH}&model=m")[0]["cost"] == "4.7"
    assert table(alice, f"{MONTH}&model=")[0]["cost"] == "3"


def test_by_a_label_and_what_has_no_price(alice: Client, labelled: Tenant) -> None:
    page = read(alice, f"{MONTH}&group=labels.team")
    assert "labels.team" in page
    rows = table(alice, f"{MONTH}&group=labels.team")
    assert [(row["labels.team"], row["cost"]) for row in rows] == [("", "7.7"), ("search", "")]
    assert "no price for" in page
    tools = table(alice, f"{MONTH}&group=tool&labels.team=search")
    # A name that a spreadsheet would take for a formula is a text.
    assert [(row["tool"], row["tool_calls"]) for row in tools] == [("", "0"), ("'=sql", "1")]
    assert tools[0]["useful_cost"] == "0.2"


def test_a_number_leads_to_its_events_and_tasks(alice: Client, labelled: Tenant) -> None:
    page = read(alice, f"{MONTH}&group=agent&labels.team=search")
    assert f"/spend/events/?{MONTH}&amp;labels.team=search&amp;agent=cyd" in page
    assert f"/tasks/?{MONTH}&amp;agent=cyd&amp;label=team%3Dsearch" in page
    events = read(alice, f"{MONTH}&labels.team=search&agent=cyd", "/spend/events/")
    assert tasks(events) == ["c1"]
    assert tasks(read(alice, f"{MONTH}&agent=ada", "/spend/events/")) == ["a1", "a2"]
    chips = read(alice, f"{MONTH}&agent=bob&kind=chip", "/spend/events/")
    assert "3 Oct 2026, 12:00 bob" in plain(chips)
    assert "No such events" in read(alice, f"{MONTH}&model=m&kind=chip", "/spend/events/")
    assert "c1" in read(alice, f"{MONTH}&agent=cyd&label=team%3Dsearch", "/tasks/")


def test_events_go_on_page_by_page(alice: Client, worked: Tenant, send: Send, event: Any) -> None:
    send(worked, [event.tokens("2026-10-06T09:00:00Z", task=f"x{n:03}") for n in range(101)])
    first = read(alice, "from=2026-10-06&to=2026-10-07", "/spend/events/")
    found = re.search(r'href="\?([^"]+kind=tokens[^"]+)" rel="next"', first)
    assert found
    second = read(alice, found[1].replace("&amp;", "&"), "/spend/events/")
    seen = tasks(first + second)
    assert len(seen) == len(set(seen)) == 101
    assert "First page" in second


@pytest.mark.parametrize("query", ["group=colour", "group=labels.", "from=2026-13-01"])
def test_what_cannot_be_asked_is_said(alice: Client, acme: Tenant, query: str) -> None:
    for page in ("/spend/", "/spend/table.csv", "/spend/events/"):
        assert alice.get(f"{page}?{query}").status_code == 400


def test_more_values_than_colours_are_drawn_as_others(
    alice: Client, acme: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any
) -> None:
    at = "2026-10-05T09:00:00Z"
    send(acme, [event.tokens(at, agent=f"a{n}", input_tokens=n * 500_000) for n in range(1, 10)])
    roll(acme)
    drawn = bars(read(alice, f"{MONTH}&group=agent"))
    # $1 to $9; the seven dearest apart, $1 and $2 together.
    assert len(drawn) == 8
    assert drawn["2 others"] == 3
    assert sum(drawn.values()) == 45


def test_an_empty_range_says_so(alice: Client, acme: Tenant) -> None:
    assert "$0.00" in read(alice, "month=2026-09&group=agent")


def test_nothing_of_another_tenant(charlie: Client, worked: Tenant) -> None:
    for page in ("/spend/", "/spend/events/"):
        text = read(charlie, f"{MONTH}&group=agent", page)
        assert "ada" not in text
        assert "bob" not in text
        assert charlie.get(f"{page}?tenant=acme").status_code == 404
    [row] = table(charlie, f"{MONTH}&group=agent")
    assert (row["agent"], row["cost"]) == ("", "0")
