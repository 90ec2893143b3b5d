"""Credit and invoices, in dates and cents."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from billing.models import Invoice
from billing.prepaid.booking import EXPIRY_DELAY, expire, give_back
from billing.prepaid.models import CreditMovement
from billing.prepaid.queries import balances, broken, credit_of
from metering.models import Tenant
from tests.billing.prepaid.conftest import Draft, Finalize, Give

Api = Callable[[Tenant], Client]
Run = Callable[..., str]
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def booked(tenant: Tenant) -> list[tuple[str, str, str]]:
    rows = CreditMovement.objects.filter(grant__tenant=tenant).order_by("pk")
    return [(row.grant.key, row.kind, f"{row.amount:f}") for row in rows]


def balance(tenant: Tenant) -> str:
    """After looking that it is the sum of all movements."""
    [found] = balances(tenant)
    total = sum((row.amount for row in CreditMovement.objects.all()), start=Decimal("0.00"))
    assert total == found.balance
    assert list(broken(tenant)) == []
    return f"{found.balance:f}"


def test_an_invoice_is_paid_with_what_expires_first(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize
) -> None:
    give(ada, "50.00", "order-1")
    give(ada, "20.00", "gift", expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    invoice = draft(ada, "45.10")
    # A draft says what it would draw, and draws nothing.
    assert f"{credit_of(invoice):f}" == "45.10"
    assert balance(ada) == "70.00"
    invoice = finalize(invoice)
    # 20.00 of the gift, and 25.10 of what never expires: 70.00 − 45.10 = 24.90 are left.
    assert (f"{invoice.credits_applied:f}", f"{invoice.amount_due:f}") == ("45.10", "0.00")
    assert booked(ada)[2:] == [("gift", "drawn", "-20.00"), ("order-1", "drawn", "-25.10")]
    assert balance(ada) == "24.90"
    later = finalize(draft(ada, "30.00", "2026-09"))
    assert (f"{later.credits_applied:f}", f"{later.amount_due:f}") == ("24.90", "5.10")
    assert balance(ada) == "0.00"


@pytest.mark.parametrize("total", ["0.00", "-12.00"])
def test_what_asks_for_no_money_draws_none(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize, total: str
) -> None:
    give(ada, "50.00")
    invoice = finalize(draft(ada, total))
    assert f"{invoice.credits_applied:f}" == "0.00"
    assert invoice.amount_due == Decimal(total)
    assert balance(ada) == "50.00"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("currency", "granted", "total", "expected"),
    [
        ("JPY", "1000", "1501", ("1000", "501", "0")),
        ("USD", "10.00", "9.99", ("9.99", "0.00", "0.01")),
        ("KWD", "1.000", "0.999", ("0.999", "0.000", "0.001")),
    ],
)
def test_each_currency_has_its_own_digits(
    give: Give,
    finalize: Finalize,
    draft: Draft,
    currency: str,
    granted: str,
    total: str,
    expected: tuple[str, str, str],
) -> None:
    eve = Tenant.objects.create(slug="eve", name="Eve", currency=currency)
    give(eve, granted, currency=currency)
    invoice = finalize(draft(eve, total, currency=currency))
    shown = (f"{invoice.credits_applied:f}", f"{invoice.amount_due:f}", balance(eve))
    assert shown == expected


def test_credit_of_another_currency_or_tenant_is_not_touched(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize
) -> None:
    bob = Tenant.objects.create(slug="bob", name="Bob")
    give(ada, "50.00", currency="EUR")
    give(bob, "50.00")
    assert finalize(draft(ada, "10.00")).amount_due == Decimal("10.00")


def test_what_was_drawn_comes_back_when_the_invoice_is_void_and_only_once(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize
) -> None:
    give(ada, "20.00", "gift", expires_at=NOVEMBER)
    give(ada, "50.00", "order-1")
    invoice = finalize(draft(ada, "45.00"))
    Invoice.objects.filter(pk=invoice.pk).update(status=Invoice.Status.VOID)
    assert [f"{give_back(invoice):f}" for _ in range(2)] == ["45.00", "0.00"]
    assert booked(ada)[-2:] == [("gift", "returned", "20.00"), ("order-1", "returned", "25.00")]
    assert balance(ada) == "70.00"
    # The gift was for October, and pays for the invoice that replaces the void one.
    again = finalize(draft(ada, "30.00"))
    assert f"{again.credits_applied:f}" == "30.00"
    assert booked(ada)[-2:] == [("gift", "drawn", "-20.00"), ("order-1", "drawn", "-10.00")]


def test_what_expires_is_booked_three_days_later_and_not_while_a_draft_may_use_it(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize
) -> None:
    with time_machine.travel(datetime(2026, 10, 1, tzinfo=UTC), tick=False):
        give(ada, "20.00", "october", expires_at=NOVEMBER)
    october = draft(ada, "5.00")
    with time_machine.travel(NOVEMBER + EXPIRY_DELAY, tick=False) as clock:
        assert expire(ada) == []
        finalize(october)
        # What was drawn just now may come back if the invoice turns out wrong.
        assert expire(ada) == []
        clock.shift(EXPIRY_DELAY)
        expire(ada)
        assert expire(ada) == []
    assert booked(ada)[1:] == [("october", "drawn", "-5.00"), ("october", "expired", "-15.00")]
    assert balance(ada) == "0.00"


def test_by_api_and_nobody_elses(
    ada: Tenant, give: Give, draft: Draft, finalize: Finalize, api: Api
) -> None:
    bob = Tenant.objects.create(slug="bob", name="Bob")
    give(bob, "99.00")
    give(ada, "50.00", "order-1")
    give(ada, "7.00", "next-year", effective_at=datetime(2027, 1, 1, tzinfo=UTC))
    finalize(draft(ada, "12.50"))
    client = api(ada)
    assert client.get("/api/v1/credits").json()["rows"] == [
        {"currency": "USD", "balance": "44.50", "available": "37.50"}
    ]
    grants = client.get("/api/v1/credits/grants").json()["rows"]
    assert [(row["key"], row["left"], row["state"]) for row in grants] == [
        ("order-1", "37.50", "active"),
        ("next-year", "7.00", "pending"),
    ]
    moves = client.get("/api/v1/credits/movements").json()["rows"]
    assert [(row["kind"], row["amount"], row["left"], row["invoice"]) for row in moves] == [
        ("granted", "50.00", "50.00", None),
        ("granted", "7.00", "7.00", None),
        ("drawn", "-12.50", "37.50", "INV-2026-000001"),
    ]
    following = client.get(f"/api/v1/credits/movements?after={moves[1]['id']}").json()
    assert [row["kind"] for row in following["rows"]] == ["drawn"]
    draft(ada, "100.00", "2026-11")
    rows = client.get("/api/v1/invoices").json()["rows"]
    assert [(row["status"], row["credits_applied"], row["amount_due"]) for row in rows] == [
        ("draft", "37.50", "62.50"),
        ("finalized", "12.50", "0.00"),
    ]
