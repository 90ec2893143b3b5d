"""The same work under other contracts, by API and by command, in chip-seconds and cents."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.billing.test_bursts import CONTRACT, PLAN
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Ask = Callable[[str], dict[str, Any]]

pytestmark = pytest.mark.usefixtures("store")

# Five chips for an hour, on a day that begins with the 500 credits of four idle ones.
DAY = "from=2026-10-05&to=2026-10-06"
SHOWN = ("kind", "baseline", "baseline_amount", "burst_amount", "amount")


@pytest.fixture
def acme(apply: Run, event: Events, send: Send) -> Tenant:
    apply(PLAN)
    apply(CONTRACT)
    tenant = Tenant.objects.get(slug="acme")
    send(tenant, [event.chip("2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z", count="5")])
    return tenant


@pytest.fixture
def ask(acme: Tenant, api: Callable[[Tenant], Client]) -> Ask:
    def _ask(question: str) -> dict[str, Any]:
        answer: dict[str, Any] = api(acme).get(f"/api/v1/bursts/what-if?{question}").json()
        return answer

    return _ask


def shown(answer: dict[str, Any], names: tuple[str, ...] = SHOWN) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in answer["rows"]]


def test_a_row_for_the_contract_in_force_each_baseline_and_the_one_that_costs_least(
    ask: Ask,
) -> None:
    answer = ask(f"chip=p800&{DAY}&baseline=0&baseline=5")
    assert answer["opening_credits"] == "500"
    assert shown(answer) == [
        # 2 × 86400 × 0.0001; 3 × 3600 − 500 = 10300: 1000 × 0.002 + 9300 × 0.001
        ("actual", "2", "17.28", "11.3", "28.58"),
        # 5 × 3600 − 500 = 17500: 2 + 16.5
        ("candidate", "0", "0", "18.5", "18.5"),
        ("candidate", "5", "43.2", "0", "43.2"),
        # A chip-day costs 8.64 and an hour of burst 3.60: the day pays for no baseline.
        ("least_cost", "0", "0", "18.5", "18.5"),
    ]
    assert answer["least_cost"]["step"] == "0.01"
    assert answer["curve"][0] == {"baseline": "0", "amount": "18.5"}
    assert answer["curve"][-1] == {"baseline": "5", "amount": "43.2"}


@pytest.mark.parametrize(
    ("step", "baseline", "amount"),
    [
        # A chip-day at 0.00001 is 0.864. 4 chips: 3.456, and 3600 − 500 = 3100: 2 + 2.1.
        ("4", "8", "6.912"),  # 4 chips: 7.556; 8 chips leave no burst
        ("1", "5", "4.32"),
        # 4.86 chips: 4.19904, and 0.14 × 3600 − 500 = 4 × 0.002; 4.87 chips: 4.20768.
        ("0.01", "4.86", "4.20704"),
    ],
)
def test_the_search_is_exact_among_the_steps(
    step: str, baseline: str, amount: str, ask: Ask
) -> None:
    answer = ask(f"chip=p800&{DAY}&baseline_price=0.00001&step={step}")
    least = answer["least_cost"]
    assert (least["baseline"], least["amount"], least["step"]) == (baseline, amount, step)
    assert float(least["at_least"]) <= float(amount)
    assert answer["rows"][-1]["amount"] == amount


def test_every_term_may_be_another(ask: Ask) -> None:
    tiers = '[{"up_to": null, "unit_amount": "0.01", "flat_amount": "1"}]'
    (actual, candidate, _) = ask(
        f"chip=p800&{DAY}&credit_cap=0&granularity_ms=7200000&burst_tiers={tiers}"
        "&on_demand_price=0.002"
    )["rows"]
    assert actual["amount"] == "28.58"
    # The hour counts as two: 3 × 7200 × 0.01 + 1, and without credits all of it.
    assert candidate["burst_amount"] == "217"
    assert candidate["credited_chip_seconds"] == "0"
    assert candidate["reserved_peak_amount"] == "864"  # 5 × 86400 × 0.002
    assert candidate["reserved_hourly_amount"] == "72"  # 5 × 7200 × 0.002


def test_a_month_with_two_contracts_is_put_to_the_last_one(apply: Run, ask: Ask) -> None:
    apply(CONTRACT.replace("2026-10-01", "2026-10-11").replace('baseline: "2"', 'baseline: "1"'))
    answer = ask("chip=p800&from=2026-10-01&to=2026-11-01")
    assert shown(answer, ("kind", "baseline", "amount"))[:2] == [
        # 10 days × 2 and 21 days × 1 at 8.64; 10800 − 500: 11.30
        ("actual", "1", "365.54"),
        # 31 days × 8.64; 4 × 3600 − 500 = 13900: 2 + 12.9
        ("candidate", "1", "282.74"),
    ]
    assert answer["opening_credits"] == "0"


def test_a_chip_without_a_contract_is_put_to_one_that_is_asked_for(
    acme: Tenant, event: Events, send: Send, ask: Ask
) -> None:
    send(acme, [event.chip("2026-10-05T00:00:00Z", "2026-10-05T00:01:40Z", chip="h20")])
    prices = "baseline_price=0.1&on_demand_price=1&idle_factor=0&cold_start_fee=0&burst_price=2"
    answer = ask(f"chip=h20&{DAY}&{prices}")
    assert shown(answer, ("kind", "baseline", "amount")) == [
        ("candidate", "0", "200"),
        ("least_cost", "0", "200"),
    ]
    assert answer["rows"][0]["saving"].startswith("0.99768")  # 1 − 200 / 86400


@pytest.mark.parametrize(
    ("question", "field", "problem"),
    [
        (DAY, "chip", "is missing"),
        (f"chip=h20&{DAY}", "baseline_price", "is missing; h20 has no contract to take it from"),
        (f"chip=p800&{DAY}&baselin=2", "baselin", "is not a known field here"),
        (f"chip=p800&{DAY}&baseline=two", "baseline", "is not a decimal number: 'two'"),
        (f"chip=p800&{DAY}&baseline=-1", "baseline", "must not be negative, but is -1"),
        (f"chip=p800&{DAY}&baseline=0.{'0' * 18}1", "baseline", "at most 18 decimal places"),
        (f"chip=p800&{DAY}&minimum_ms=0.5", "minimum_ms", "must be a whole number from 0"),
        (f"chip=p800&{DAY}&burst_tiers=[", "burst_tiers", "is not a JSON array of tiers"),
        (f"chip=p800&{DAY}&burst_tiers=[]", "burst_tiers", "must have at least one tier"),
        (f"chip=p800&{DAY}&burst_tiers=[]&burst_price=1", "burst_price", "write one"),
        (f"chip=p800&{DAY}&step=0", "step", "must be above 0"),
        (f"chip=p800&{DAY}&step=0.0001", "step", "more than 10,000 of the peak; 0.001 does not"),
        (f"chip=p800&{DAY}&step=0.{'0' * 18}1", "step", "must be a multiple of"),
        ("chip=p800&from=2026-10-05&to=2026-10-05", "to", "must be after from"),
    ],
)
def test_a_bad_question_is_an_error_that_names_the_field(
    question: str, field: str, problem: str, acme: Tenant, api: Callable[[Tenant], Client]
) -> None:
    answer = api(acme).get(f"/api/v1/bursts/what-if?{question}")
    assert answer.status_code == 400
    assert problem in str(answer.json()), answer.json()
    assert field in str(answer.json())


def test_another_tenants_work_and_contracts_are_not_seen(
    acme: Tenant, make_tenant: Callable[..., Tenant], api: Callable[[Tenant], Client]
) -> None:
    answer = api(make_tenant()).get(f"/api/v1/bursts/what-if?chip=p800&{DAY}")
    assert answer.status_code == 400
    assert "p800 has no contract" in str(answer.json())


def test_the_command_prints_the_same_rows(acme: Tenant, manage: Run, ask: Ask) -> None:
    asked = ("--tenant", "acme", "--chip", "p800", "--from", "2026-10-05", "--to", "2026-10-06")
    more = ("--baseline", "5", "--set", "baseline_price=0.00001", "--step", "0.01")
    by_api = ask(f"chip=p800&{DAY}&baseline=5&baseline_price=0.00001&step=0.01")
    assert json.loads(manage("what_if", *asked, *more, "--json")) == by_api
    table = manage("what_if", *asked, *more)
    assert table.splitlines()[0].split()[:3] == ["KIND", "BASELINE", "AMOUNT"]
    assert table.splitlines()[3].split()[:3] == ["least_cost", "4.86", "4.20704"]
    assert "in steps of 0.01 chips" in table


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--from", "2026-10-05"), "give --month, or both --from and --to"),
        (("--month", "2026-13"), "2026-13 is not a month"),
        (("--set", "baseline_price"), "write it as FIELD=VALUE"),
        (("--set", "price=1"), "price: is not a known field here"),
        (("--baseline", "-"), "baseline: is not a decimal number"),
    ],
)
def test_the_command_says_what_is_wrong(
    options: tuple[str, ...], problem: str, acme: Tenant, manage: Run
) -> None:
    with pytest.raises(CommandError, match=problem):
        manage("what_if", "--tenant", "acme", "--chip", "p800", *options)
