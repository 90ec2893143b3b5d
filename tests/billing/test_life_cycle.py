"""What becomes of a finalized invoice: payments, voids and what is given up, in dates and cents."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client

from billing.invoicing import draft_invoice, finalize_invoice
from billing.life_cycle import (
    NotAllowedError,
    Paid,
    mark_uncollectible,
    record_payment,
    void_invoice,
)
from billing.models import Invoice
from billing.parties import BillingDetails
from billing.payments import InvoiceChange, Payment
from billing.standing import standing
from billing.verifying import verify_invoice
from metering.ingest import Report
from metering.models import AuditEntry, Tenant
from tests.billing.finalized import finalized_invoice
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
AT = datetime(2026, 11, 10, 8, tzinfo=UTC)


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


def pay(invoice: Invoice, amount: str, key: str = "k1", **fields: Any) -> Payment:
    keep_rest = fields.pop("keep_rest", False)
    paid = Paid(
        key=key,
        amount=Decimal(amount),
        currency=fields.pop("currency", invoice.currency),
        method="bank",
        reference=key,
        paid_at=fields.pop("paid_at", AT),
    )
    return record_payment(invoice, paid, keep_rest=keep_rest)


def stands(invoice: Invoice) -> tuple[str, str, str, str]:
    """Status, paid, left and overpaid."""
    invoice = Invoice.objects.get(pk=invoice.pk)
    now = standing(invoice)
    return invoice.status, f"{now.paid:f}", f"{now.remaining:f}", f"{now.overpaid:f}"


def test_parts_pay_an_invoice_and_each_counts_once(acme: Tenant) -> None:
    invoice = finalized_invoice(acme, ["100.00"], "6")
    for _ in range(2):
        pay(invoice, "60.00", "first")
        assert stands(invoice) == ("finalized", "60.00", "46.00", "0.00")
    for _ in range(2):
        pay(invoice, "46", "second", paid_at=AT.replace(day=12))
        assert stands(invoice) == ("paid", "106.00", "0.00", "0.00")
    assert standing(invoice).paid_at == AT.replace(day=12)
    [change] = invoice.changes.all()
    assert (change.before, change.after, change.actor) == ("finalized", "paid", "system")
    assert change.reason == "46.00 USD by bank, second"
    actions = AuditEntry.objects.filter(chain__tenant=acme).order_by("position")
    assert [entry.action for entry in actions] == [
        "invoice.payment",
        "invoice.payment",
        "invoice.paid",
    ]


@pytest.mark.parametrize(
    ("amounts", "paid", "said"),
    [
        (["10.00"], {"amount": "10.01"}, "10.01 USD is more than the 10.00 that are left to pay"),
        (["10.00"], {"amount": "0"}, "0 is no amount of USD to be paid"),
        (["10.00"], {"amount": "1.005"}, "1.005 is no amount of USD"),
        (["10.00"], {"amount": "-1"}, "write the amount with the same sign"),
        (["10.00"], {"amount": "1", "currency": "EUR"}, "is in USD, not in EUR"),
        (["0.00"], {"amount": "1"}, "more than the 0.00 that are left"),
        (["-10.00"], {"amount": "10"}, "write the amount with the same sign"),
        (["-10.00"], {"amount": "-10.01"}, "more than the -10.00 that are left"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_sentence(
    acme: Tenant, amounts: list[str], paid: dict[str, str], said: str
) -> None:
    invoice = finalized_invoice(acme, amounts)
    with pytest.raises(NotAllowedError, match=said):
        pay(invoice, **paid)
    assert stands(invoice)[:2] == ("finalized", "0.00")
    assert not Payment.objects.exists()


def test_money_that_is_here_whatever_we_say_is_kept_and_its_rest_is_named(acme: Tenant) -> None:
    invoice = finalized_invoice(acme, ["10.00"])
    pay(invoice, "12.50", keep_rest=True)
    assert stands(invoice) == ("paid", "12.50", "0.00", "2.50")
    pay(invoice, "1.00", "k2", keep_rest=True)
    assert stands(invoice) == ("paid", "13.50", "0.00", "3.50")


def test_a_credit_note_is_settled_by_money_that_is_given_back(acme: Tenant) -> None:
    note = finalized_invoice(acme, ["-10.00"])
    assert standing(note).due_at is None
    pay(note, "-4")
    assert stands(note) == ("finalized", "-4.00", "-6.00", "0.00")
    pay(note, "-6", "k2")
    assert stands(note) == ("paid", "-10.00", "0.00", "0.00")


def test_a_key_is_one_payment_of_one_invoice(acme: Tenant) -> None:
    invoice = finalized_invoice(acme, ["10.00"])
    other = finalized_invoice(Tenant.objects.create(slug="other", name="Other"), ["10.00"])
    pay(invoice, "4")
    for again, amount in ((invoice, "5"), (other, "4")):
        with pytest.raises(NotAllowedError, match=r"k1 was booked already, as 4.00 USD"):
            pay(again, amount)


def test_payments_and_steps_are_only_ever_added(acme: Tenant) -> None:
    pay(finalized_invoice(acme, ["10.00"]), "10")
    for rows, change in (
        (Payment.objects, {"amount": "9"}),
        (InvoiceChange.objects, {"after": "x"}),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.update(**change)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.all().delete()


def test_what_was_given_up_may_still_be_paid_and_what_is_paid_stays_so(
    acme: Tenant, store: None
) -> None:
    invoice = finalized_invoice(acme, ["10.00"])
    for _ in range(2):
        mark_uncollectible(invoice, key="u", reason="insolvent")
    assert stands(invoice)[0] == "uncollectible"
    pay(invoice, "10")
    assert stands(invoice)[0] == "paid"
    with pytest.raises(NotAllowedError, match="is paid, so it cannot become uncollectible"):
        mark_uncollectible(invoice, key="again", reason="late")
    with pytest.raises(NotAllowedError, match="is paid, so it cannot become void"):
        void_invoice(invoice, key="v", reason="late")
    assert [change.after for change in invoice.changes.all()] == ["uncollectible", "paid"]


def test_what_money_came_for_cannot_be_void(acme: Tenant, store: None) -> None:
    invoice = finalized_invoice(acme, ["10.00"])
    pay(invoice, "4")
    with pytest.raises(NotAllowedError, match=r"4.00 USD was paid on it, so it cannot be void"):
        void_invoice(invoice, key="v", reason="wrong address")


def test_money_for_one_that_is_void_is_kept_and_not_owed(acme: Tenant, store: None) -> None:
    invoice = finalized_invoice(acme, ["10.00"])
    for _ in range(2):
        void_invoice(invoice, key="v", reason="wrong address")
    assert stands(invoice) == ("void", "0.00", "0.00", "0.00")
    with pytest.raises(NotAllowedError, match=r"more than the 0.00 that are left"):
        pay(invoice, "10")
    pay(invoice, "10", keep_rest=True)
    assert stands(invoice) == ("void", "10.00", "0.00", "10.00")


def test_it_is_due_at_the_end_of_a_day_of_the_tenants_calendar(acme: Tenant) -> None:
    acme.timezone = "Europe/Berlin"
    acme.save()
    # Issued on 2 November; 30 days later is 2 December, which ends at 23:00 UTC.
    invoice = finalized_invoice(acme, ["10.00"])
    assert standing(invoice).due_at == datetime(2026, 12, 2, 23, tzinfo=UTC)
    assert not standing(invoice).overdue(datetime(2026, 12, 2, 22, 59, tzinfo=UTC))
    assert standing(invoice).overdue(datetime(2026, 12, 2, 23, tzinfo=UTC))
    BillingDetails.objects.create(tenant=acme, payment_days=0)
    assert standing(invoice).due_at == datetime(2026, 11, 2, 23, tzinfo=UTC)


def test_the_command_pays_once_for_a_reference_and_the_api_says_how_it_stands(
    tenant: Tenant, manage: Run, api: Callable[[Tenant], Client]
) -> None:
    invoice = finalized_invoice(tenant, ["10.00"], "6")
    number = str(invoice.number)
    words = ("invoice", number, "--pay", "4.50", "--reference", "B 17", "--at", "2026-11-10")
    for _ in range(2):
        said = manage(*words).splitlines()
    assert said[0] == f"{number} of {tenant} for 2026-10: finalized"
    assert said[1] == "  total 10.60 USD, due 10.60, paid 4.50"
    assert said[2] == "  6.10 USD left, to be paid before 2026-12-03 00:00 UTC"
    assert said[3:] == ["  2026-11-10 00:00 4.50 USD by bank, B 17"]
    row = api(tenant).get(f"/api/v1/invoices/{number}").json()
    names = ("amount_due", "amount_paid", "amount_remaining", "amount_overpaid", "paid_at")
    assert [row[name] for name in names] == ["10.60", "4.50", "6.10", "0.00", None]
    manage("invoice", number, "--pay", "6.10", "--reference", "B 18", "--at", "2026-11-11T10:00Z")
    [listed] = api(tenant).get("/api/v1/invoices").json()["rows"]
    assert (listed["status"], listed["paid_at"]) == ("paid", "2026-11-11T10:00:00Z")
    assert listed["due_at"] == "2026-12-03T00:00:00Z"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pay", "5"], "--reference: say which payment it is"),
        (["--pay", "five", "--reference", "x"], "--pay: is not a decimal number: 'five'"),
        (["--pay=--5", "--reference", "x"], "--pay: must not be negative, but is -5"),
        (["--pay", "1", "--reference", "x", "--at", "soon"], "--at: 'soon' is not a date"),
        (["--void", " "], "say why"),
        (["--pay", "11", "--reference", "x"], "more than the 10.00 that are left"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    tenant: Tenant, manage: Run, words: list[str], said: str
) -> None:
    invoice = finalized_invoice(tenant, ["10.00"])
    with pytest.raises(CommandError, match=said):
        manage("invoice", str(invoice.number), *words)


PLAN = """
tenants: [{slug: acme, plan: pro}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-08-01
    charges:
      - code: calls
        meter: {type: agent.tokens, aggregation: count}
        charge: {model: per_unit, unit_amount: "1"}
"""


def close(tenant: Tenant, month: str) -> Invoice:
    return finalize_invoice(draft_invoice(tenant, month))


def test_a_void_invoice_keeps_its_number_and_its_month_is_billed_anew(
    apply: Run, store: None, event: Events, send: Send, manage: Run
) -> None:
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-08-02T00:00:00Z", input_tokens=1) for _ in range(3)])
    august = close(acme, "2026-08")
    # One call of August comes late: September bills 2 of its own and 1 as a correction.
    send(acme, [event.tokens("2026-08-03T00:00:00Z", input_tokens=1)])
    send(acme, [event.tokens("2026-09-03T00:00:00Z", input_tokens=1) for _ in range(2)])
    september = close(acme, "2026-09")
    october = close(acme, "2026-10")
    assert [i.total for i in (august, september, october)] == [Decimal(3), Decimal(3), Decimal(0)]

    with pytest.raises(NotAllowedError, match=f"{september} has corrections of {august}"):
        void_invoice(august, key="v1", reason="wrong")
    manage("invoice", str(september.number), "--void", "wrong address")
    again = close(acme, "2026-09")
    # The same three calls under the next number; the correction of August too.
    assert (again.number, again.total) == ("INV-2026-000004", Decimal(3))
    assert again.lines.filter(corrects=august).count() == 1
    assert Invoice.objects.get(pk=september.pk).number == september.number == "INV-2026-000002"
    # October was computed while the first one counted, and still is right; so are all the others.
    for invoice in Invoice.objects.all():
        assert verify_invoice(invoice) == []
    # Nothing is billed twice or left out of what comes after.
    assert draft_invoice(acme, "2026-11").total == 0
