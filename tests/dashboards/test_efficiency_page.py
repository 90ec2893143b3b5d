"""The page about efficiency, read as its reader sees it: in sentences and figures."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from metering import alerts
from metering.models import Tenant
from metering.usage.alert import HitRate
from tests.dashboards.test_overview_page import figures, plain

Send = Callable[..., object]
NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


@pytest.fixture
def page(alice: Client, worked: Tenant) -> str:
    response = alice.get("/efficiency/?month=2026-10")
    assert response.status_code == 200
    return response.content.decode()


def test_the_first_row_says_the_answer_in_numbers(page: str) -> None:
    text = plain(page)
    # $4.70 of tokens; 2,100,000 of which the 1,000,000 of the failed task helped nobody
    assert "Token-efficiency cost $4.27 per million effective tokens, plain $2.24" in text
    # 200,000 of 2,000,000
    assert "Cache hit rate 10.0 % 200,000 of 2,000,000 prompt tokens" in text
    assert "Repeated computation 0.0 % of prompt tokens; saving in reach $0.00" in text
    assert "Repeat work 0.0 % of 2 succeeded tasks" in text


def test_the_bill_is_a_waterfall_with_its_table(page: str) -> None:
    [(name, figure)] = figures(page).items()
    assert name == "bill"
    bars = figure["data"][0]
    # Useful $3, then $1.70 of the failed task, then $3 of chips
    assert bars["base"][2] == bars["x"][0]
    assert plain(page).count("Failed tokens $1.70 22.1 % $4.70") == 1
    assert "Total $7.70 100.0 % $7.70" in plain(page)
    assert "Of $7.70 , context computed again took $0.00" in plain(page)


def test_repeated_computation_and_repeat_work_are_told_in_money(
    alice: Client, worked: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any
) -> None:
    blocks: dict[str, Any] = {"prefix_blocks": ["a", "b"], "block_tokens": 500_000}
    for day in (10, 11):
        at = f"2026-10-{day}T00:00:00Z"
        call = event.tokens(at, task=f"r{day}", input_tokens=1_000_000, **blocks)
        send(worked, [call, event.task(at, f"r{day}", fingerprint="same")])
    roll(worked)
    text = plain(alice.get("/efficiency/?from=2026-10-11&to=2026-10-12").content.decode())
    # A million tokens at $2, which a cache has at $0.50
    assert "Repeated computation 100.0 % of prompt tokens; saving in reach $1.50" in text
    assert "Repeat work 100.0 % of 1 succeeded tasks" in text
    assert "Of $2.00 , context computed again took $2.00 (100.0 %)" in text
    # The prompt that begins with block a, of ada and model m
    assert "a ada m 1 1,000,000 100.0 % $2.00 $1.50" in text


def test_what_has_no_price_is_unpriced_and_named(
    alice: Client, worked: Tenant, send: Send, roll: Callable[[Tenant], int], event: Any
) -> None:
    send(worked, [event.tokens("2026-10-05T00:00:00Z", model="new-model", input_tokens=10)])
    roll(worked)
    text = plain(alice.get("/efficiency/?month=2026-10").content.decode())
    assert "Token-efficiency cost unpriced" in text
    assert "Known are $7.70 . No price is known for new-model" in text
    assert "new-model unpriced unpriced" in text


def test_caches_stand_apart(alice: Client, worked: Tenant, send: Send, event: Any) -> None:
    look_up: dict[str, Any] = {"cache": "semantic", "model": "m", "saved_tokens": 1_000_000}
    at = "2026-10-05T00:00:00Z"
    send(worked, [event("agent.cache", at, hit=hit, **look_up) for hit in (True, False)])
    text = plain(alice.get("/efficiency/?month=2026-10").content.decode())
    assert "semantic 2 1 50.0 % 1,000,000 $2.00" in text
    assert "Total $7.70" in text


def test_an_alert_is_on_both_pages_until_it_is_over(alice: Client, worked: Tenant) -> None:
    alerts.settle(worked, HitRate(100, 1000, 612), NOON)
    firing = "Alert hit rate 61.2 % over 24 hours, under 70 % since 14 Oct 2026, 12:00"
    overview = plain(alice.get("/?month=2026-10").content.decode())
    assert f"Token-efficiency cost $4.27 {firing}" in overview
    assert firing in plain(alice.get("/efficiency/?month=2026-10").content.decode())
    alerts.settle(worked, HitRate(100, 1000, 800), NOON.replace(hour=15))
    assert "Alert hit rate" not in plain(alice.get("/?month=2026-10").content.decode())
    text = plain(alice.get("/efficiency/?month=2026-10").content.decode())
    assert "14 Oct 2026, 12:00 14 Oct 2026, 15:00 61.2 % 80.0 %" in text


def test_the_page_of_another_tenant_is_not_found(
    charlie: Client, worked: Tenant, other: Tenant
) -> None:
    assert charlie.get("/efficiency/?tenant=acme").status_code == 404
    alerts.settle(worked, HitRate(100, 1000, 0), NOON)
    text = charlie.get("/efficiency/?month=2026-10").content.decode()
    assert "No events from 1–31" in plain(text).replace("\u00a0", " ")
    assert "Alert hit rate" not in text


def test_a_bad_range_is_said(alice: Client, acme: Tenant) -> None:
    response = alice.get("/efficiency/?from=x")
    assert response.status_code == 400
    assert "Efficiency" in plain(response.content.decode())
