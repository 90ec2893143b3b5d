"""The page of bursts, read as its reader sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing.configuration import apply_configuration
from billing.configuration_schema import parse_document
from billing.models import BurstContract
from metering.ingest import Report
from metering.models import Tenant
from tests.dashboards.test_overview_page import figures, plain

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
CREDITS = """
contracts:
  - {tenant: acme, chip: p800, valid_from: 2026-10-01, baseline: "2", baseline_price: "0.000001",
     on_demand_price: "0.001", burst_tiers: [{up_to: null, unit_amount: "0.001"}], idle_factor: "0",
     cold_start_fee: "0", credit_accrual: "1", credit_cap: "600"}
"""


def page(client: Client, query: str = "month=2026-10") -> str:
    response = client.get(f"/bursts/?{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_the_cards_say_what_it_cost_and_would_have_cost(alice: Client, worked: Tenant) -> None:
    text = plain(page(alice))
    # 2 × 2,678,400 × 0.000001 = 5.3568; five chips for 600 s are 3 × 600 × 0.001 above it.
    assert "Amount as bursts $7.16" in text
    # 5 × 2,678,400 × 0.001, and 5 × 3600 × 0.001
    assert "Reserved for the peak $13,392.00 99.9 % saved by bursts" in text
    assert "Reserved hour by hour $18.00 60.2 % saved by bursts" in text
    # A chip of baseline costs 2.6784 and saves 0.60 of bursts, so none pays: 5 × 600 × 0.001.
    assert "Least-cost baseline 0 chips would have cost $3.00" in text
    assert "Searched in steps of 0.01 chips" in text
    # Between 0 and 0.01 chips there might be no baseline's price, and 4.99 × 600 × 0.001 of bursts.
    assert "None costs less than $2.99" in text


def test_every_chart_has_its_table_and_credits_are_shown_where_they_can_be_saved(
    alice: Client, worked: Tenant
) -> None:
    text = page(alice)
    drawn = figures(text)
    assert set(drawn) == {"chips-in-use", "paid", "baselines"}
    assert text.count("<summary>The figures as a table</summary>") == 3
    apply_configuration(parse_document(CREDITS, is_json=False))
    text = page(alice)
    drawn = figures(text)
    assert set(drawn) == {"chips-in-use", "paid", "baselines", "credits"}
    # Full after 300 s at 2 a second; the burst of 3 a second takes them within 200 s.
    line = drawn["credits"]["data"][0]
    assert line["y"][:3] == ["0", "600", "600"]
    assert line["x"][:2] == ["2026-10-01T00:00:00.000000", "2026-10-01T00:05:00.000000"]
    assert "2026-10-03T12:03:20.000000" in line["x"]


def test_the_chart_of_baselines_marks_the_cheapest_and_the_one_in_force(
    alice: Client, worked: Tenant
) -> None:
    curve, best, current = figures(page(alice))["baselines"]["data"]
    assert (best["x"], best["y"]) == (["0"], ["3"])
    assert (current["x"], current["y"]) == (["2"], ["7.1568"])
    assert curve["x"][-1] == "5"


def test_a_chip_is_chosen_and_kept_when_the_range_is_changed(
    alice: Client, worked: Tenant, event: Any, send: Send
) -> None:
    send(worked, [event.chip("2026-10-05T00:00:00Z", "2026-10-05T00:01:00Z", chip="h20")])
    first = page(alice)
    assert "h20 in this range" in plain(first)
    assert "h20 has no contract here" in plain(first)
    assert "Amount as bursts unpriced" in plain(first)
    other = page(alice, "month=2026-10&chip=p800")
    assert "p800 in this range" in plain(other)
    assert "month=2026-09&amp;chip=p800" in other


def test_a_month_without_chips_says_how_they_come_in(alice: Client, worked: Tenant) -> None:
    BurstContract.objects.all().delete()
    assert "No chips in 1–30 Sep 2026" in plain(page(alice, "month=2026-09"))


def test_a_tenant_that_sleeps_pays_the_baseline_and_is_shown_so(
    alice: Client, worked: Tenant
) -> None:
    text = plain(page(alice, "month=2026-09"))
    # 2 × 2,592,000 × 0.000001
    assert "Amount as bursts $5.18" in text
    assert "Reserved for the peak $0.00 –" in text
    assert "Least-cost baseline 0 chips would have cost $0.00" in text


def test_somebody_elses_chips_are_not_there(alice: Client, charlie: Client, worked: Tenant) -> None:
    assert charlie.get("/bursts/?tenant=acme").status_code == 404
    assert "p800" not in page(charlie)


@pytest.mark.parametrize("query", ["month=2026-13", "from=2026-10-08&to=2026-10-01"])
def test_a_range_that_cannot_be_read_is_a_400(query: str, alice: Client) -> None:
    assert alice.get(f"/bursts/?{query}").status_code == 400


def test_the_overview_leads_to_the_chip_and_range_it_shows(alice: Client, worked: Tenant) -> None:
    overview = alice.get("/?month=2026-10").content.decode()
    assert 'href="/bursts/?month=2026-10&amp;chip=p800"' in overview


def test_bursts_are_in_the_navigation(alice: Client, worked: Tenant) -> None:
    assert '<a href="/bursts/" aria-current="page">Bursts</a>' in page(alice)
