"""Burst contracts on an invoice and through the API, in chip-seconds and cents."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from billing.models import BurstContract, Invoice
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Amounts = Callable[[str], list[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
tenants: [{slug: acme, plan: chips}]
plans: [{code: chips, currency: USD, valid_from: 2026-01-01, charges: [{code: bursts, charge: {model: burst}}]}]
"""  # noqa: E501 - a plan a line
CONTRACT = """
contracts:
  - tenant: acme
    chip: p800
    valid_from: 2026-10-01
    baseline: "2"
    baseline_price: "0.0001"
    on_demand_price: "0.001"
    burst_tiers: [{up_to: "1000", unit_amount: "0.002"}, {up_to: null, unit_amount: "0.001"}]
    idle_factor: "0.1"
    granularity_ms: 1000
    minimum_ms: 10000
    cold_start_fee: "0.25"
    credit_accrual: "1"
    credit_cap: "500"
"""


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(PLAN)
    apply(CONTRACT)
    return Tenant.objects.get(slug="acme")


# October has 2,678,400 s: 2 chips × 2,678,400 × 0.0001 = 535.68, used or not.
BASELINE = ("bursts", "5356800", "535.68")


def test_a_tenant_without_events_pays_the_baseline(
    acme: Tenant, manage: Run, amounts: Amounts
) -> None:
    manage("close_month", "2026-10", "--finalize")
    assert amounts("2026-10") == [BASELINE]


def test_a_month_in_which_the_clock_is_put_back_is_an_hour_longer(
    acme: Tenant, apply: Run, manage: Run, amounts: Amounts
) -> None:
    apply("tenants: [{slug: acme, timezone: Europe/Berlin}]")
    manage("close_month", "2026-10")
    # 2 chips × (2,678,400 + 3,600) s × 0.0001
    assert amounts("2026-10") == [("bursts", "5364000", "536.40")]


def test_what_goes_beyond_the_baseline_spends_credits_and_then_is_a_burst(
    acme: Tenant, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    send(
        acme,
        [
            # 5 chips for 999.5 s, counted as 1000 s: 3 × 1000 above the baseline.
            event.chip("2026-10-05T00:00:00Z", "2026-10-05T00:16:39.500Z", count="5"),
            event.chip("2026-10-06T00:00:00Z", "2026-10-06T00:01:40Z", phase="idle"),
            event.chip("2026-10-07T00:00:00Z", "2026-10-07T00:00:01Z", phase="cold_start"),
        ],
    )
    manage("close_month", "2026-10", "--finalize")
    # 3000 less 500 of credits: 1000 × 0.002 and 1500 × 0.001; 100 s idle × 0.1 × 0.001; one start.
    assert amounts("2026-10") == [
        BASELINE,
        ("bursts", "1000", "2.00"),
        ("bursts", "1500", "1.50"),
        ("bursts", "100", "0.01"),
        ("bursts", "1", "0.25"),
    ]
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_credits_carry_over_from_the_month_before(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    # November begins with the 500 saved in October; in the contract's first second there is none.
    begin = [("2026-10-01T00:00:00Z", "2026-10-01T00:01:40Z")]
    begin += [("2026-11-01T00:00:00Z", "2026-11-01T00:01:40Z")]
    send(acme, [event.chip(start, end, count="6") for start, end in begin])
    manage("close_month", "2026-10")
    manage("close_month", "2026-11")
    # (6 − 2) × 100 s × 0.002, and in November all 400 of it is covered. 30 days × 2 × 0.0001.
    assert amounts("2026-10") == [BASELINE, ("bursts", "400", "0.80")]
    assert amounts("2026-11") == [("bursts", "5184000", "518.40")]


def test_a_chip_without_a_contract_keeps_the_invoice_a_draft(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    hour = ("2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z")
    send(acme, [event.chip(*hour, chip="h20")])
    with pytest.raises(CommandError, match="1 of 1 invoices could not be finalized"):
        manage("close_month", "2026-10", "--finalize")
    invoice = Invoice.objects.get()
    assert invoice.status == "draft"
    assert invoice.unpriced == ["bursts: chip h20 has no contract"]
    free = CONTRACT.replace("p800", "h20").replace('baseline: "2"', 'baseline: "0"')
    apply(free)
    manage("close_month", "2026-10", "--finalize")
    # 3600 chip-seconds: 1000 × 0.002 and 2600 × 0.001; nothing is owed for a baseline of 0.
    assert amounts("2026-10") == [("bursts", "1000", "2.00"), ("bursts", "2600", "2.60"), BASELINE]


def test_a_contract_that_was_spoilt_by_hand_keeps_the_invoice_a_draft(
    acme: Tenant, manage: Run
) -> None:
    BurstContract.objects.update(burst_tiers=[])
    manage("close_month", "2026-10")
    (said,) = Invoice.objects.get().unpriced
    assert said == "bursts: p800.burst_tiers: must have at least one tier"


def test_work_before_a_contract_starts_is_named_with_its_time(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    send(acme, [event.chip("2026-09-30T23:00:00Z", "2026-10-01T00:00:00Z")])
    manage("close_month", "2026-09")
    assert Invoice.objects.get().unpriced == ["bursts: chip p800 has no contract"]
    manage("close_month", "2026-10")
    assert Invoice.objects.get(month="2026-10-01").unpriced == []


def test_a_contract_that_changes_within_the_month_starts_anew(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    apply(CONTRACT.replace("2026-10-01", "2026-10-11").replace('baseline: "2"', 'baseline: "1"'))
    day = ("2026-10-11T00:00:00Z", "2026-10-11T00:01:40Z")
    send(acme, [event.chip(*day, count="3")])
    manage("close_month", "2026-10")
    # 10 days × 2 chips × 0.0001, 21 days × 1 chip; no credits left, so 2 × 100 s are a burst.
    assert amounts("2026-10") == [
        ("bursts", "1728000", "172.80"),
        ("bursts", "1814400", "181.44"),
        ("bursts", "200", "0.40"),
    ]


def test_the_api_shows_what_bursts_came_to_beside_reserved_chips(
    acme: Tenant, event: Events, send: Send, api: Callable[[Tenant], Client]
) -> None:
    send(acme, [event.chip("2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z", count="5")])
    answer = api(acme).get("/api/v1/bursts?from=2026-10-05&to=2026-10-06").json()
    assert answer["next"] is None
    (row,) = answer["rows"]
    expected = {
        "chip": "p800",
        "peak": "5",
        "baseline": "2",
        "baseline_chip_seconds": "7200",
        # 3 × 3600 above the baseline, of which credits of four idle days cover 500.
        "credited_chip_seconds": "500",
        "burst_chip_seconds": "10300",
        "bursts": 1,
        # 2 × 86400 × 0.0001 + 1000 × 0.002 + 9300 × 0.001
        "amount": "28.58",
        # 5 × 86400 × 0.001, and 5 chips for one hour
        "reserved_peak_amount": "432",
        "reserved_hourly_amount": "18",
    }
    assert {name: row[name] for name in expected} == expected
    # 1 − 28.58 / 432
    assert row["saving"].startswith("0.9338")
    assert row["dormancy"].startswith("0.9583")


def test_a_chip_without_a_contract_has_no_amount_in_the_api(
    acme: Tenant, event: Events, send: Send, api: Callable[[Tenant], Client]
) -> None:
    send(acme, [event.chip("2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z", chip="h20")])
    rows = api(acme).get("/api/v1/bursts?from=2026-10-05&to=2026-10-06").json()["rows"]
    amounts = {row["chip"]: (row["amount"], row["contract"]) for row in rows}
    assert amounts == {"h20": (None, False), "p800": ("17.28", True)}


def test_surplus_credits_cost_what_a_cloud_charges_for_them(
    apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    # A t3.large: 2 vCPU at a baseline of 30 %, surplus at $0.05 for a vCPU-hour. 40 % for 24 hours
    # are 4.8 vCPU-hours and $0.24. By the second the price does not end: 0.05 / 3600.
    apply(PLAN)
    contract = CONTRACT.replace('baseline: "2"', 'baseline: "0.6"').replace(
        "2026-10-01", "2026-10-05"
    )
    tiers = '{up_to: "1000", unit_amount: "0.002"}, {up_to: null, unit_amount: "0.001"}'
    surplus = '{up_to: null, unit_amount: "0.0000138888888888888889"}'
    apply(
        contract.replace(tiers, surplus).replace('baseline_price: "0.0001"', 'baseline_price: "0"')
    )
    tenant = Tenant.objects.get(slug="acme")
    send(tenant, [event.chip("2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z", count="0.8")])
    manage("close_month", "2026-10")
    assert ("bursts", "17280", "0.24") in amounts("2026-10")  # 4.8 × 3600 vCPU-seconds


def test_a_second_of_ten_thousand_times_the_usual_level_is_billed_to_the_exact_amount(
    acme: Tenant,
    apply: Run,
    event: Events,
    send: Send,
    manage: Run,
    amounts: Amounts,
    api: Callable[[Tenant], Client],
) -> None:
    apply(
        CONTRACT.replace("minimum_ms: 10000", "minimum_ms: 0").replace(
            'baseline: "2"', 'baseline: "1"'
        )
    )
    usual = event.chip("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    peak = event.chip("2026-10-14T12:34:56Z", "2026-10-14T12:34:57Z", count="9999")
    send(acme, [usual, peak])
    manage("close_month", "2026-10", "--finalize")
    # 2,678,400 × 0.0001, then 9,999 above the baseline without a credit ever earned:
    # 1,000 × 0.002 and 8,999 × 0.001.
    assert amounts("2026-10") == [
        ("bursts", "2678400", "267.84"),
        ("bursts", "1000", "2.00"),
        ("bursts", "8999", "9.00"),
    ]
    (row,) = api(acme).get("/api/v1/bursts?from=2026-10-01&to=2026-11-01").json()["rows"]
    assert row["amount"] == "278.839"
    assert (row["peak"], row["p95"], row["bursts"]) == ("10000", "1", 1)
    # 10,000 × 2,678,400 × 0.001; and 10,000 chips for one hour, one for the other 743.
    assert row["reserved_peak_amount"] == "26784000"
    assert row["reserved_hourly_amount"] == "38674.8"


def test_a_tenant_that_sleeps_all_month_is_dormant_and_pays_its_baseline(
    acme: Tenant, apply: Run, api: Callable[[Tenant], Client], manage: Run, amounts: Amounts
) -> None:
    (row,) = api(acme).get("/api/v1/bursts?from=2026-10-01&to=2026-11-01").json()["rows"]
    assert (row["amount"], row["dormancy"], row["peak"], row["bursts"]) == ("535.68", "1", "0", 0)
    assert (row["reserved_peak_amount"], row["saving"]) == ("0", None)
    apply(CONTRACT.replace('baseline: "2"', 'baseline: "0"'))
    (row,) = api(acme).get("/api/v1/bursts?from=2026-10-01&to=2026-11-01").json()["rows"]
    assert (row["amount"], row["dormancy"]) == ("0", "1")
    manage("close_month", "2026-10")
    assert amounts("2026-10") == []
