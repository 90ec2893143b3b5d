"""The fleet and one agent: the numbers are those of the API, and lead to each other."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.dashboards.test_overview_page import plain

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
# A whole month: its last day is 31 October.
MONTH = "month=2026-10"


def read(person: Client, address: str) -> str:
    response = person.get(address)
    assert response.status_code == 200, response.content
    return response.content.decode()


@pytest.fixture
def fleet(worked: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any) -> Tenant:
    """And an agent of September that comes back on the last day of October."""
    send(
        worked,
        [
            event.task("2026-09-01T09:00:00Z", "o1", agent="olaf"),
            event.task("2026-10-31T09:00:00Z", "o2", agent="olaf"),
        ],
    )
    roll(worked)
    return worked


def test_the_last_day_in_figures(alice: Client, fleet: Tenant) -> None:
    text = plain(read(alice, f"/agents/?{MONTH}"))
    # On 31 October olaf delivers, for the first time after 60 days; ada (2nd) and bob (3rd) were
    # active within 28 days only until the 30th and 31st: bob is dormant, ada is not any more.
    assert "Delivering (DAA), 31 Oct 2026 1 at least one task succeeded" in text
    assert "Active, 31 Oct 2026 1 0 new, 1 back after 28 days" in text
    assert "Dormant, 31 Oct 2026 1 active in the 28 days before" in text
    # In 30 days, from the 2nd on: olaf alone delivered.
    assert "Stickiness, 31 Oct 2026 100.0 %" in text
    assert "bob 3 Oct 2026" in text


def test_the_agents_of_a_month(alice: Client, fleet: Tenant) -> None:
    page = read(alice, f"/agents/?{MONTH}")
    text = plain(page)
    assert "bob new $4.00 1 100.0 % $4.00 2 1 Oct 2026 3 Oct 2026" in text
    assert "ada new $3.70 2 50.0 % $3.70 2 1 Oct 2026 2 Oct 2026" in text
    assert "olaf $0.00 1 100.0 % $0.00 1 1 Sep 2026 31 Oct 2026" in text
    assert f'href="/agents/one/?{MONTH}&amp;agent=bob"' in page


def test_retention_by_week(alice: Client, fleet: Tenant) -> None:
    text = plain(read(alice, f"/agents/?{MONTH}"))
    # olaf first delivered in the week of 31 August and again eight weeks later; ada and bob in the
    # week of 28 September.
    assert "31 Aug 2026 1 100 % 0 % 0 % 0 % 0 % 0 % 0 % 0 % 100 %" in text
    assert "28 Sep 2026 2 100 % 0 % 0 % 0 % 0 %" in text


def test_one_agent(alice: Client, fleet: Tenant) -> None:
    page = read(alice, f"/agents/one/?{MONTH}&agent=ada")
    text = plain(page)
    assert "Spend $3.70" in text
    assert "Cost per succeeded task $3.70" in text
    assert "Tasks that succeeded 50.0 % 1 of 2" in text
    assert "m $3.70 2 2,000,000 10.0 %" in text
    assert "a2 failed 2 Oct 2026, 09:01" in text
    assert f"/spend/?{MONTH}&amp;agent=ada" in page
    assert "Nothing failed" in read(alice, f"/agents/one/?{MONTH}&agent=bob")


def test_who_never_was_is_not_there(alice: Client, charlie: Client, fleet: Tenant) -> None:
    for address in ("/agents/one/", "/agents/one/?agent=eve", "/agents/one/?agent=%00"):
        assert alice.get(address).status_code == 404
    assert charlie.get(f"/agents/one/?{MONTH}&agent=ada").status_code == 404
    assert "ada" not in read(charlie, f"/agents/?{MONTH}")
    assert "No agent worked" in read(charlie, f"/agents/?{MONTH}")
    assert alice.get("/agents/?month=2026-13").status_code == 400


def test_the_overview_leads_there(alice: Client, fleet: Tenant) -> None:
    page = read(alice, f"/?{MONTH}")
    assert f'href="/agents/one/?{MONTH}&amp;agent=bob"' in page
    assert f'href="/agents/?{MONTH}"' in page
