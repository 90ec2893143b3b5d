"""A month from events to an invoice that can be proved, in dates and cents."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core.management.base import CommandError

from billing.models import Invoice
from metering import queries
from metering.ingest import Report
from metering.models import AuditEntry, Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Amounts = Callable[[str], list[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, value: input_tokens, group_by: [model]}
        charge: {model: graduated, tiers: [{up_to: "1000", unit_amount: "0.002"}, {up_to: null, unit_amount: "0.001"}]}
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "0.05"}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: package, package_size: "2", package_amount: "0.03"}}
tenants: [{slug: acme, plan: pro, tax_percent: "6"}]
"""  # noqa: E501 - a charge a line


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(PLAN)
    return Tenant.objects.get(slug="acme")


@pytest.fixture
def october(event: Events) -> list[dict[str, Any]]:
    return [
        event.task("2026-10-01T00:00:00Z", "t1"),
        event.task("2026-10-02T12:00:00Z", "t2"),
        event.task("2026-10-02T13:00:00Z", "t3", agent="bob"),
        event.task("2026-10-02T14:00:00Z", "t4", status="failed"),
        event.tokens("2026-10-02T12:00:00Z", "a", input_tokens=1500),
        event.tokens("2026-10-31T23:59:59.999Z", "b", input_tokens=7),
        event.tokens("2026-11-01T00:00:00Z", "b", input_tokens=100_000),
    ]


# 1000 × 0.002 + 500 × 0.001 of model a; 7 × 0.002 = 0.014 of model b; ada on two days and bob on
# one; 3 tasks are 2 packages. 2.00 + 0.50 + 0.01 + 0.15 + 0.06 = 2.72; 6 % of it is 0.1632.
OCTOBER = [
    ("input-tokens", "1000", "2.00"),
    ("input-tokens", "500", "0.50"),
    ("input-tokens", "7", "0.01"),
    ("agents", "3", "0.15"),
    ("outcomes", "2", "0.06"),
]


def test_a_month_is_drafted_finalized_and_proved(
    acme: Tenant, october: list[dict[str, Any]], send: Send, manage: Run, amounts: Amounts
) -> None:
    send(acme, october)
    assert manage("close_month", "2026-10").splitlines()[1].split()[:2] == ["acme", "draft"]
    assert amounts("2026-10") == OCTOBER
    table = manage("close_month", "2026-10", "--finalize").splitlines()
    assert table[1].split() == ["acme", "finalized", "INV-2026-000001", "2.88", "USD", "5"]
    invoice = Invoice.objects.get()
    assert [f"{getattr(invoice, n):f}" for n in ("subtotal", "tax", "total")] == [
        "2.72",
        "0.16",
        "2.88",
    ]
    said = manage("verify_invoice", "INV-2026-000001")
    assert said.startswith("INV-2026-000001 is right to the cent: 5 lines, 2.88 USD")


def test_every_step_twice_gives_one_invoice(
    acme: Tenant, october: list[dict[str, Any]], send: Send, manage: Run
) -> None:
    send(acme, october)
    for _ in range(2):
        manage("close_month", "2026-10")
    first = manage("close_month", "2026-10", "--finalize")
    for _ in range(2):
        manage("close_month", "2026-10")
        assert manage("close_month", "2026-10", "--finalize") == first
    assert Invoice.objects.count() == 1


def test_the_log_says_once_that_an_invoice_was_finalized(
    acme: Tenant, october: list[dict[str, Any]], send: Send, manage: Run
) -> None:
    send(acme, october)
    manage("close_month", "2026-10", "--finalize")
    manage("close_month", "2026-10", "--finalize")
    [entry] = AuditEntry.objects.filter(action="invoice.finalized")
    assert (entry.chain.tenant, entry.subject) == (acme, "INV-2026-000001")
    assert entry.details == {"total": "2.88 USD"}


def test_the_lines_are_the_same_bytes_whatever_order_the_events_came_in(
    apply: Run, event: Events, october: list[dict[str, Any]], send: Send, manage: Run
) -> None:
    files = []
    for seed in range(2):
        Tenant.objects.filter(slug="acme").update(slug=f"former-{seed}")
        apply(PLAN)
        tenant = Tenant.objects.get(slug="acme")
        random.Random(seed).shuffle(october)
        for one in october:
            send(tenant, [one, one])
        manage("close_month", "2026-10", "--tenant", "acme")
        files.append(manage("export", "lines", "--period", "2026-10", "--tenant", "acme"))
    assert files[0] == files[1]
    assert files[0].count("\n") == 1 + len(OCTOBER)


def test_the_month_is_that_of_the_tenants_clock(
    apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    # October in Shanghai is 2026-09-30T16:00Z to 2026-10-31T16:00Z.
    apply(PLAN.replace("slug: acme", "slug: acme, timezone: Asia/Shanghai"))
    acme = Tenant.objects.get(slug="acme")
    times = [
        ("2026-09-30T15:59:59.999Z", 1),
        ("2026-09-30T16:00:00Z", 10),
        ("2026-10-31T15:59:59.999Z", 100),
        ("2026-10-31T16:00:00Z", 1000),
    ]
    send(acme, [event.tokens(time, "m", input_tokens=count) for time, count in times])
    manage("close_month", "2026-10")
    # 110 × 0.002
    assert amounts("2026-10") == [("input-tokens", "110", "0.22")]


@pytest.mark.parametrize(
    ("now", "status"),
    [("2026-11-01T00:59:59Z", "draft"), ("2026-11-01T01:00:00Z", "finalized")],
)
def test_finalizing_waits_for_an_hour_after_the_period(
    acme: Tenant, manage: Run, now: str, status: str
) -> None:
    with time_machine.travel(datetime.fromisoformat(now), tick=False):
        try:
            manage("close_month", "2026-10", "--finalize")
        except CommandError as error:
            assert str(error) == "1 of 1 invoices could not be finalized"  # noqa: PT017
    assert Invoice.objects.get().status == status


def test_numbers_follow_without_a_gap_and_a_series_for_each_year(apply: Run, manage: Run) -> None:
    apply(PLAN)
    apply("tenants: [{slug: beta, plan: pro}, {slug: gamma, plan: pro}]")
    for month in ("2025-12", "2026-01", "2026-02"):
        manage("close_month", month, "--finalize")
    numbers = sorted(str(invoice.number) for invoice in Invoice.objects.all())
    # The plan is from 2026 on, so there is nothing to invoice before.
    assert numbers == [f"INV-2026-{n:06d}" for n in range(1, 7)]


def test_a_tenant_without_a_plan_gets_no_invoice_and_a_sentence(
    make_tenant: Callable[..., Tenant], manage: Run
) -> None:
    make_tenant(slug="guest")
    said = manage("close_month", "2026-10", "--finalize")
    assert "guest has no plan in 2026-10, so there is nothing to invoice" in said
    assert not Invoice.objects.exists()


def test_a_month_that_has_not_begun_gets_no_invoice(acme: Tenant, manage: Run) -> None:
    assert "2026-12 has not begun for acme" in manage("close_month", "2026-12")
    assert not Invoice.objects.exists()


def test_a_plan_that_changes_within_the_month_splits_it(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    calls = "{type: agent.tokens, aggregation: count}"
    charge = "{model: per_unit, unit_amount: '1.005'}"
    apply(
        "plans: [{code: pro, currency: USD, valid_from: 2026-10-16, charges: "
        f"[{{code: calls, meter: {calls}, charge: {charge}}}]}}]"
    )
    days = ("2026-10-15T23:59:59Z", "2026-10-16T00:00:00Z", "2026-10-20T00:00:00Z")
    send(acme, [event.tokens(day, "a", input_tokens=2000) for day in days])
    manage("close_month", "2026-10")
    # Until the 15th 1000 × 0.002 + 1000 × 0.001; from the 16th on 2 calls × 1.005.
    assert amounts("2026-10") == [
        ("input-tokens", "1000", "2.00"),
        ("input-tokens", "1000", "1.00"),
        ("calls", "2", "2.01"),
    ]


def test_usage_that_no_charge_covers_is_listed(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    send(
        acme,
        [
            event("agent.tool", "2026-10-02T00:00:00Z", tool="search"),
            event("custom.pages", "2026-10-02T00:00:00Z", value="3"),
            event.tokens("2026-10-02T00:00:00Z", "a", input_tokens=1),
        ],
    )
    said = manage("close_month", "2026-10")
    assert "not charged: 1 × agent.tool" in said
    assert "not charged: 1 × custom.pages" in said
    assert [item["type"] for item in Invoice.objects.get().not_charged] == [
        "agent.tool",
        "custom.pages",
    ]


def test_an_invoice_that_was_tampered_with_is_found_out(
    acme: Tenant, october: list[dict[str, Any]], send: Send, manage: Run
) -> None:
    send(acme, october)
    manage("close_month", "2026-10")
    invoice = Invoice.objects.get()
    # Written while it still was a draft, and finalized as it was.
    invoice.lines.filter(code="agents").update(amount="0.16")
    Invoice.objects.update(status="finalized", number="INV-2026-000009", total="2.89")
    with pytest.raises(CommandError, match="differs from what its events come to"):
        manage("verify_invoice", "INV-2026-000009")


@pytest.mark.parametrize(
    ("currency", "calls", "total"),
    [
        # 3 × 0.5 = 1.5 and 5 × 0.5 = 2.5: a half goes away from zero, to the smallest coin.
        ("JPY", 3, "2"),
        ("JPY", 5, "3"),
        ("KWD", 3, "1.500"),
        ("USD", 3, "1.50"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    apply: Run, event: Events, send: Send, manage: Run, currency: str, calls: int, total: str
) -> None:
    meter = "{type: agent.tokens, aggregation: count}"
    apply(
        f"tenants: [{{slug: acme, plan: calls, currency: {currency}}}]\n"
        f"plans: [{{code: calls, currency: {currency}, valid_from: 2026-01-01, charges: "
        f"[{{code: calls, meter: {meter}, charge: {{model: per_unit, unit_amount: '0.5'}}}}]}}]"
    )
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-10-02T00:00:00Z") for _ in range(calls)])
    manage("close_month", "2026-10")
    assert f"{Invoice.objects.get().total:f}" == total


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["close_month", "2026-13"], "2026-13 is not a month; write it as YYYY-MM"),
        (["close_month", "2026-10", "--tenant", "nobody"], "there is no tenant 'nobody'"),
        (["verify_invoice", "INV-1"], "there is no invoice 'INV-1'"),
        (["export", "lines", "--period", "october"], "october is not a month"),
    ],
)
def test_a_wrong_word_is_one_sentence(manage: Run, words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        manage(*words)


def test_a_store_that_is_down_is_one_sentence(
    acme: Tenant, manage: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> datetime:
        raise queries.StoreUnavailable("the event store does not answer")

    monkeypatch.setattr("metering.meter_days.store_now", down)
    with pytest.raises(CommandError, match="event store does not answer"):
        manage("close_month", "2026-10")
    assert not Invoice.objects.exists()
