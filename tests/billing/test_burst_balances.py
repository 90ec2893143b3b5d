"""Credits kept at the ends of months: used where they still hold, measured again where not."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from billing.burst_balances import KeptBalances, RecountedBalances
from billing.contracts import measure_contract
from billing.models import BurstBalance, Invoice
from billing.terms import read_contracts
from metering import queries
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import Period, local_months, month_period
from tests.billing.test_bursts import CONTRACT, PLAN
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Amounts = Callable[[str], list[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("store")

SEPTEMBER = CONTRACT.replace("2026-10-01", "2026-08-01").replace('"500"', '"10000000"')


@pytest.fixture
def acme(apply: Run) -> Tenant:
    """With a contract whose credits never fill up: every second of August counts in October."""
    apply(PLAN)
    apply(SEPTEMBER)
    return Tenant.objects.get(slug="acme")


def kept(tenant: Tenant) -> dict[str, str]:
    rows = BurstBalance.objects.filter(tenant=tenant).order_by("moment")
    return {f"{row.moment:%Y-%m-%d}": f"{row.credits:f}" for row in rows}


def count_intervals(monkeypatch: pytest.MonkeyPatch) -> list[Period]:
    """The periods that intervals are read of, from now on."""
    read: list[Period] = []
    plain = queries.chip_intervals

    def counted(tenant: Tenant, chip: str, period: Period, *more: Any) -> Any:
        read.append(period)
        return plain(tenant, chip, period, *more)

    monkeypatch.setattr(queries, "chip_intervals", counted)
    return read


def test_a_month_is_measured_from_the_balance_that_the_month_before_left(
    acme: Tenant, event: Events, send: Send, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(acme, [event.chip("2026-08-01T00:00:00Z", "2026-08-01T00:16:40Z", count="1")])
    manage("close_month", "2026-08")
    # (31 × 86400 − 1000) × 2 + 1000 × 1, and 30 × 86400 × 2 more in September.
    assert kept(acme) == {"2026-09-01": "5355800"}
    read = count_intervals(monkeypatch)
    manage("close_month", "2026-09")
    assert kept(acme) == {"2026-09-01": "5355800", "2026-10-01": "10000000"}
    assert read == [month_period("2026-09", "UTC")]


def test_months_that_were_not_closed_are_measured_one_by_one_and_kept(
    acme: Tenant, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = count_intervals(monkeypatch)
    manage("close_month", "2026-10")
    assert read == [month_period(month, "UTC") for month in ("2026-08", "2026-09", "2026-10")]
    assert list(kept(acme)) == ["2026-09-01", "2026-10-01", "2026-11-01"]


def test_a_late_interval_makes_later_balances_anew_and_no_earlier_one(
    acme: Tenant, event: Events, send: Send, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in ("2026-08", "2026-09", "2026-10"):
        manage("close_month", month)
    before = kept(acme)
    assert before["2026-09-01"] == "5356800"
    # 2 chips for 1000 s earn 2000 less, and that day the store of credits was not full.
    send(acme, [event.chip("2026-09-02T00:00:00Z", "2026-09-02T00:16:40Z", count="2")])
    read = count_intervals(monkeypatch)
    manage("close_month", "2026-10")
    assert read == [month_period(month, "UTC") for month in ("2026-09", "2026-10")]
    assert kept(acme)["2026-09-01"] == before["2026-09-01"]


def test_what_is_late_changes_a_later_month_by_its_credits_through_a_correction(
    apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    apply(PLAN)
    # Credits of one chip-second in a thousand: 2 × 2,678,400 / 1000 = 5356.8 in August.
    apply(SEPTEMBER.replace('credit_accrual: "1"', 'credit_accrual: "0.001"'))
    tenant = Tenant.objects.get(slug="acme")
    send(tenant, [event.chip("2026-09-01T00:00:00Z", "2026-09-01T01:00:00Z", count="5")])
    manage("close_month", "2026-08", "--finalize")
    manage("close_month", "2026-09", "--finalize")
    # 3 × 3600 − 5356.8 = 5443.2: 1000 × 0.002 and 4443.2 × 0.001.
    assert amounts("2026-09")[1:] == [("bursts", "1000", "2.00"), ("bursts", "4443.2", "4.44")]
    # 2 chips for 1,000,000 s in August earn 2000 credits less.
    send(tenant, [event.chip("2026-08-02T00:00:00Z", "2026-08-13T13:46:40Z", count="2")])
    manage("close_month", "2026-10", "--finalize")
    assert ("bursts", "2000.0", "2.00") in amounts("2026-10")
    for invoice in Invoice.objects.all():
        assert "is right to the cent" in manage("verify_invoice", str(invoice.number))


def test_the_proof_of_an_invoice_trusts_no_balance(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    send(acme, [event.chip("2026-10-01T00:00:00Z", "2026-10-01T00:16:40Z", count="5")])
    manage("close_month", "2026-09")
    # Spoilt by hand, as no event would: the close believes it, the proof does not.
    BurstBalance.objects.filter(moment="2026-10-01T00:00Z").update(credits=Decimal(0))
    manage("close_month", "2026-10", "--finalize")
    number = str(Invoice.objects.get(month=date(2026, 10, 1)).number)
    with pytest.raises(CommandError, match="differs from what its events come to"):
        manage("verify_invoice", number)


def test_a_report_reads_balances_and_keeps_none(
    acme: Tenant, manage: Run, api: Callable[[Tenant], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "/api/v1/bursts?from=2026-10-05&to=2026-10-06"
    first = api(acme).get(address).json()
    assert kept(acme) == {}
    manage("close_month", "2026-09")
    before, read = kept(acme), count_intervals(monkeypatch)
    assert api(acme).get(address).json() == first
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert read == [
        Period(start, start.replace(day=5)),
        Period(start.replace(day=5), start.replace(day=6)),
    ]
    assert kept(acme) == before


@pytest.mark.parametrize("seed", range(2))
def test_kept_balances_and_a_count_from_the_start_are_the_same_in_any_order_of_arrival(
    seed: int, apply: Run, event: Events, send: Send
) -> None:
    random = Random(seed)
    apply(PLAN)
    apply(SEPTEMBER.replace('"10000000"', '"20000"').replace('accrual: "1"', 'accrual: "0.003"'))
    tenant = Tenant.objects.get(slug="acme")
    (contract,) = read_contracts(tenant, month_period("2026-08", "UTC"))
    months = local_months(Period(contract.start, datetime(2026, 12, 1, tzinfo=UTC)), "UTC")
    for _ in range(3):
        days = [random.randrange(1, 29) for _ in range(5)]
        chips = [
            event.chip(
                f"2026-{random.choice(['08', '09', '10'])}-{day:02}T00:00:00Z",
                f"2026-11-{day:02}T{random.randrange(24):02}:00:00Z",
                count=random.choice(["0.5", "1", "3"]),
            )
            for day in days
        ]
        send(tenant, chips)
        now, recounted = queries.store_now(tenant), RecountedBalances()
        # Months in any order: each finds what others left, or not.
        for month in random.sample(months, len(months)):
            one = measure_contract(tenant, contract, month, now, KeptBalances())
            other = measure_contract(tenant, contract, month, now, recounted)
            assert (one.opening_credits, one.usage) == (other.opening_credits, other.usage)
            assert one.rated == other.rated
