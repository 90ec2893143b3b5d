"""Commitments, coupons, free units and a tenant's own charges, in dates and cents."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from billing.models import Invoice, InvoiceLine
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
tenants: [{slug: acme, tax_percent: "10"}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "1"}}
      - {code: tokens, meter: {type: agent.tokens, value: input_tokens, group_by: [model]}, charge: {model: per_unit, unit_amount: "0.01"}}
    fees: [{code: base, amount: "30", in_advance: true}]
    minimum_commitment: "62"
    allowances: [{code: starter, charges: [outcomes, tokens], units: "31", prorate: day}]
subscriptions: [{tenant: acme, plan: pro, valid_from: 2026-08-01}]
"""  # noqa: E501 - a charge a line


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(PLAN)
    return Tenant.objects.get(slug="acme")


def amounts(month: str) -> list[tuple[str, str, str]]:
    lines = InvoiceLine.objects.filter(invoice__month=f"{month}-01").order_by("position")
    return [
        (line.kind, line.code, f"{line.amount:f}")
        for line in lines.exclude(invoice__status="void")
        if line.amount
    ]


def close(manage: Run, month: str) -> list[tuple[str, str, str]]:
    """Finalize a month and prove it."""
    manage("close_month", month, "--finalize")
    number = Invoice.objects.exclude(status="void").get(month=f"{month}-01").number
    assert "is right to the cent" in manage("verify_invoice", str(number))
    return amounts(month)


def test_a_second_apply_changes_nothing_and_a_dry_run_neither(apply: Run) -> None:
    text = PLAN + (
        "coupons: [{tenant: acme, code: c, valid_from: 2026-08-01, months: 2, percent: 5}]\n"
        "tenant_charges: [{tenant: acme, code: outcomes, valid_from: 2026-09-01,"
        " meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: 2}}]"
    )
    changes = apply(text, "--dry-run")
    assert not Tenant.objects.exists()
    assert apply(text) == changes
    assert "+ subscription acme on pro from 2026-08-01" in changes
    assert apply(text) == "nothing to change\n"
    assert apply(text.replace('"30"', '"40"').replace("percent: 5", "percent: 6")) == (
        "~ plan pro 2026-01-01: fee base changed\n~ coupon acme c: percent 5 → 6\n"
    )


def test_what_usage_and_fees_fall_short_of_the_commitment_is_topped_up(
    acme: Tenant, event: Events, send: Send, manage: Run, api: Api
) -> None:
    send(acme, [event.task(f"2026-08-05T00:{n:02}:00Z", f"t{n}") for n in range(35)])
    send(acme, [event.tokens("2026-08-06T00:00:00Z", input_tokens=100)])
    # 31 of 35 outcomes are free, none is left for tokens. 4 + 1 + 30 of 62 are 27 short; the fee of
    # September counts for September.
    assert close(manage, "2026-08") == [
        ("usage", "outcomes", "4.00"),
        ("usage", "tokens", "1.00"),
        ("fee", "base", "30.00"),
        ("fee", "base", "30.00"),
        ("commitment", "minimum-commitment", "27.00"),
    ]
    invoice = api(acme).get("/api/v1/invoices/INV-2026-000001").json()
    assert (invoice["subtotal"], invoice["tax"], invoice["total"]) == ("92.00", "9.20", "101.20")
    free = invoice["lines"][0]
    assert (free["quantity"], free["amount"], free["description"]) == (
        "31",
        "0.00",
        "Outcomes · Included in starter of 31",
    )
    # Ten late outcomes: as much less is topped up.
    send(acme, [event.task(f"2026-08-07T00:{n:02}:00Z", f"late{n}") for n in range(10)])
    assert close(manage, "2026-09")[-2:] == [
        ("usage", "outcomes", "10.00"),
        ("commitment", "minimum-commitment", "-10.00"),
    ]


def test_a_part_of_a_month_owes_and_is_given_its_part(
    apply: Run, event: Events, send: Send, manage: Run
) -> None:
    apply(PLAN.replace("2026-08-01}", "2026-08-01, ends: 2026-08-11}"))
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.task(f"2026-08-05T00:{n:02}:00Z", f"t{n}") for n in range(12)])
    # Ten of 31 days: 10 outcomes free, 30 × 10/31 = 9.68 of the fee, a commitment of 20.
    assert close(manage, "2026-08") == [
        ("usage", "outcomes", "2.00"),
        ("fee", "base", "9.68"),
        ("commitment", "minimum-commitment", "8.32"),
    ]


COUPONS = (
    PLAN.replace('    minimum_commitment: "62"\n', "")
    + """
coupons:
  - {tenant: acme, code: welcome, valid_from: 2026-08-15, months: 2, percent: "50", charges: [base]}
  - {tenant: acme, code: gift, valid_from: 2026-08-01, months: 1, amount: "500", currency: USD}
  - {tenant: acme, code: partner, valid_from: 2026-10-01, months: forever, amount: "7", currency: USD}
"""  # noqa: E501 - a coupon a line
)


def test_coupons_apply_to_their_months_and_never_twice(apply: Run, manage: Run) -> None:
    apply(COUPONS)
    # Half of 60; the gift covers the other 30 and no more, and is gone.
    august = [
        ("fee", "base", "30.00"),
        ("fee", "base", "30.00"),
        ("coupon", "welcome", "-30.00"),
        ("coupon", "gift", "-30.00"),
    ]
    assert close(manage, "2026-08") == august
    september = [("fee", "base", "30.00"), ("coupon", "welcome", "-15.00")]
    assert close(manage, "2026-09") == september
    # Dated anew: the gift was given already.
    apply(COUPONS.replace("gift, valid_from: 2026-08-01", "gift, valid_from: 2026-10-01"))
    assert close(manage, "2026-10") == [("fee", "base", "30.00"), ("coupon", "partner", "-7.00")]


def test_a_month_that_is_void_and_made_again_is_the_same(apply: Run, manage: Run) -> None:
    apply(COUPONS)
    close(manage, "2026-08")
    september = close(manage, "2026-09")
    invoice = Invoice.objects.get(month="2026-09-01")
    manage("invoice", str(invoice.number), "--void", "made again")
    assert close(manage, "2026-09") == september
    assert "is right to the cent" in manage("verify_invoice", str(invoice.number))


def test_a_late_event_changes_the_coupon_of_its_month(
    apply: Run, event: Events, send: Send, manage: Run
) -> None:
    apply(
        "tenants: [{slug: acme, plan: pro}]\n"
        "plans: [{code: pro, currency: USD, valid_from: 2026-01-01, charges: [{code: outcomes,"
        " meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: 1}}]}]\n"
        "coupons: [{tenant: acme, code: less, valid_from: 2026-08-01, months: 1, percent: 25}]"
    )
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.task("2026-08-05T00:00:00Z", "t1")])
    assert close(manage, "2026-08") == [("usage", "outcomes", "1.00"), ("coupon", "less", "-0.25")]
    send(acme, [event.task("2026-08-05T00:00:00Z", "t2")])
    assert close(manage, "2026-09") == [("usage", "outcomes", "1.00"), ("coupon", "less", "-0.25")]


def test_a_tenants_own_charge_takes_the_place_of_the_plans_from_its_date_on(
    apply: Run, event: Events, send: Send, manage: Run
) -> None:
    apply(
        "tenants: [{slug: acme, plan: pro}]\n"
        "plans: [{code: pro, currency: USD, valid_from: 2026-01-01, charges: [{code: outcomes,"
        " meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: 1}},"
        " {code: calls, meter: {type: agent.tokens, aggregation: count},"
        " charge: {model: graduated, tiers: [{up_to: 2, unit_amount: 1},"
        " {up_to: null, unit_amount: 2}]}}]}]\n"
        "tenant_charges: [{tenant: acme, code: outcomes, valid_from: 2026-08-16, ends: 2026-08-21,"
        " meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: 5}}]"
    )
    acme = Tenant.objects.get(slug="acme")
    days = ("05", "15", "16", "20", "21")
    send(acme, [event.task(f"2026-08-{day}T12:00:00Z", f"t{day}") for day in days])
    send(acme, [event.tokens(f"2026-08-{day}T12:00:00Z", input_tokens=1) for day in days])
    # Two days at the plan's price, two at the own one, one at the plan's again; the tiers of the
    # other charge go on over all of the month: 2 × 1 + 3 × 2.
    assert close(manage, "2026-08") == [
        ("usage", "outcomes", "2.00"),
        ("usage", "outcomes", "10.00"),
        ("usage", "outcomes", "1.00"),
        ("usage", "calls", "2.00"),
        ("usage", "calls", "6.00"),
    ]


@pytest.mark.parametrize(
    ("currency", "amount", "billed"),
    [("JPY", "1000", "323"), ("USD", "1000", "322.58"), ("KWD", "1000.001", "322.581")],
)
def test_a_part_of_a_fee_in_currencies_with_0_2_and_3_decimals(
    apply: Run, manage: Run, currency: str, amount: str, billed: str
) -> None:
    apply(
        f"tenants: [{{slug: acme, currency: {currency}}}]\n"
        f"plans: [{{code: pro, currency: {currency}, valid_from: 2026-01-01, charges: [],"
        f' fees: [{{code: base, amount: "{amount}"}}]}}]\n'
        "subscriptions: [{tenant: acme, plan: pro, valid_from: 2026-08-01, ends: 2026-08-11}]"
    )
    # 10 of 31 days.
    assert close(manage, "2026-08") == [("fee", "base", billed)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"30"', '"30.001"'), "plans[0].fees[0].amount: USD has 2 decimals, so 30.001 cannot be"),
        (('"62"', '"0.125"'), "plans[0].minimum_commitment: USD has 2 decimals, so 0.125 cannot"),
        (("code: base", "code: tokens"), "plans[0].fees[0].code: 'tokens' is used twice"),
        (("in_advance", "advance"), "plans[0].fees[0].advance: is not a known key here"),
        (
            ("[outcomes, tokens]", "[x]"),
            "allowances[0].charges[0]: the plan has no charge",
        ),
        (("[outcomes, tokens]", "[tokens, tokens]"), "charges[1]: 'tokens' is in two allowances"),
        (
            ("plan: pro, valid", "plan: lite, valid"),
            "subscriptions[0].plan: there is no plan 'lite'",
        ),
        (("2026-08-01}", "2026-08-01, ends: 2026-08-01}"), "subscriptions[0].ends: must be after"),
        (("acme, tax", "acme, plan: pro, tax"), "tenants[0].plan: the subscriptions of this file"),
        (
            ("prorate: day", "prorate: week"),
            "plans[0].allowances[0].prorate: Invalid enum value 'week'",
        ),
    ],
)
def test_a_mistake_in_a_plan_is_named(apply: Run, change: tuple[str, str], said: str) -> None:
    with pytest.raises(CommandError) as error:
        apply(PLAN.replace(*change))
    assert said in str(error.value)
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("percent: 5, amount: 5", "coupons[0].percent: or amount must be given, and not both"),
        ("percent: 101", "coupons[0].percent: must not be above 100"),
        ("amount: 5", "coupons[0].currency: is missing, but acme pays USD"),
        ("amount: 5, currency: EUR", "coupons[0].currency: is EUR, but acme pays USD"),
        ('amount: "0.001", currency: USD', "coupons[0].amount: USD has 2 decimals"),
        (
            "percent: 5, charges: [x]",
            "coupons[0].charges[0]: no plan of acme has a charge",
        ),
    ],
)
def test_a_mistake_in_a_coupon_is_named(apply: Run, fields: str, said: str) -> None:
    coupon = f"coupons: [{{tenant: acme, code: c, valid_from: 2026-08-01, months: 1, {fields}}}]"
    with pytest.raises(CommandError) as error:
        apply(PLAN + coupon)
    assert said in str(error.value)
