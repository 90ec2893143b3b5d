"""Invoices to Stripe over HTTP: what arrives there, once, whatever goes wrong on the way."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.db import transaction

from billing.life_cycle import Paid, mark_uncollectible, record_payment, void_invoice
from billing.models import Invoice
from billing.standing import standing
from billing.stripe_sync import outbox
from billing.stripe_sync.records import StripeCustomer, StripePush
from metering.models import Tenant
from tests.billing.finalized import FINALIZED_AT, finalized_invoice
from tests.billing.stripe.fake import FakeStripe
from tests.conftest import Events

Queue = Callable[..., Invoice]
Work = Callable[[], int]


def push_of(invoice: Invoice) -> StripePush:
    return StripePush.objects.get(invoice=invoice)


def pay(invoice: Invoice, amount: str, key: str = "k1") -> None:
    paid = Paid(
        key=key,
        amount=Decimal(amount),
        currency=invoice.currency,
        method="bank",
        reference=key,
        paid_at=FINALIZED_AT,
    )
    record_payment(invoice, paid)


def test_an_invoice_arrives_with_its_lines_its_tax_and_our_number(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme, ["10.00", "-2.50"], "6")
    assert work() == 1
    theirs = stripe.one("invoice")
    # 7.50 and 6 % of it, 0.45.
    assert (theirs["status"], theirs["total"], theirs["currency"]) == ("open", 795, "usd")
    assert theirs["number"] == invoice.number
    assert theirs["metadata"]["daybook_number"] == invoice.number
    assert theirs["metadata"]["daybook_month"] == "2026-10"
    assert (theirs["collection_method"], theirs["pending_invoice_items_behavior"]) == (
        "send_invoice",
        "exclude",
    )
    # Until the end of 2 December.
    assert int(theirs["due_date"]) == datetime(2026, 12, 2, 23, 59, 59, tzinfo=UTC).timestamp()
    lines = [(line["amount"], line["description"]) for line in reversed(stripe.all("line_item"))]
    assert lines == [
        (1000, "Calls 1 (20 calls × 0.5)"),
        (-250, "Calls 2 (-5 calls × 0.5)"),
        (45, "Tax 6 %"),
    ]
    customer = stripe.one("customer")
    assert customer["name"] == "Acme GmbH"
    assert customer["metadata"]["daybook_tenant"] == "acme"
    push = push_of(invoice)
    assert (push.state, push.remote_id, push.last_error) == ("done", theirs["id"], "")
    assert StripeCustomer.objects.get().remote_id == customer["id"]


def test_prepaid_credit_is_a_line_so_that_stripe_asks_for_what_is_due(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    queued(acme, ["10.00"], "6", credits_applied=Decimal("4.10"))
    work()
    # 10.00 + 0.60 − 4.10.
    assert [line["amount"] for line in reversed(stripe.all("line_item"))] == [1000, 60, -410]
    assert (stripe.one("invoice")["total"], stripe.one("invoice")["status"]) == (650, "open")


def test_what_is_at_stripe_already_is_left_as_it_is(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme)
    work()
    written = len(stripe.written())
    for _ in range(2):
        outbox.queue([invoice])
        work()
    assert len(stripe.written()) == written
    assert work() == 0


def test_without_a_key_nothing_is_queued(acme: Tenant, work: Work) -> None:
    invoice = finalized_invoice(acme)
    outbox.queue([invoice])
    pay(invoice, "100")
    assert work() == 0
    assert not StripePush.objects.exists()


@pytest.mark.parametrize(
    ("currency", "amounts", "told"),
    [
        ("JPY", ["1500"], (1500, 1)),
        ("USD", ["1.50"], (150, 1)),
        ("KWD", ["1.250", "0.500"], (1750, 2)),
        # Stripe's three decimals end in a zero: of these lines it takes the sum alone.
        ("KWD", ["1.255", "0.505"], (1760, 1)),
        ("ISK", ["1500"], (150000, 1)),
        ("UGX", ["1500"], (150000, 1)),
    ],
)
def test_amounts_are_written_as_stripe_has_the_currency(
    acme: Tenant,
    queued: Queue,
    work: Work,
    stripe: FakeStripe,
    currency: str,
    amounts: list[str],
    told: tuple[int, int],
) -> None:
    acme.currency = currency
    acme.save()
    queued(acme, amounts)
    work()
    assert (stripe.one("invoice")["total"], len(stripe.all("line_item"))) == told
    assert stripe.one("invoice")["status"] == "open"


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("KWD", "1.255", "1.255 KWD cannot be charged by Stripe, whose smallest amount is 0.010"),
        ("MGA", "1.50", "1.50 MGA has more decimals than Stripe takes"),
        ("LYD", "1.500", "Stripe does not know LYD"),
    ],
)
def test_what_stripe_cannot_be_told_is_dead_with_the_reason_and_nothing_is_there(
    acme: Tenant,
    queued: Queue,
    work: Work,
    stripe: FakeStripe,
    currency: str,
    amount: str,
    said: str,
) -> None:
    acme.currency = currency
    acme.save()
    push = push_of(queued(acme, [amount]))
    work()
    push.refresh_from_db()
    assert push.state == "dead"
    assert push.last_error.startswith(said)
    assert not stripe.all("invoice")


def test_a_draft_whose_total_is_not_ours_is_not_finalized(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme, ["10.00"])
    stripe.fail("invoices/{id}/finalize", "429")
    work()
    # Somebody adds to the draft there.
    theirs = stripe.one("invoice")
    stripe.make("line_item", "il", invoice=theirs["id"], amount=500)
    theirs["total"] += 500
    work()
    assert theirs["status"] == "draft"
    push = push_of(invoice)
    assert push.state == "dead"
    assert (
        f"{invoice} is over 1000 USD in Stripe's units, and {theirs['id']} at Stripe over 1500"
        in (push.last_error)
    )


def test_a_customer_with_money_at_stripe_is_refused(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    stripe.make("customer", "cus", balance=-500, metadata={})
    StripeCustomer.objects.create(tenant=acme, remote_id=stripe.one("customer")["id"])
    push = push_of(queued(acme))
    work()
    push.refresh_from_db()
    assert "has a balance at Stripe" in push.last_error
    stripe.one("customer")["balance"] = 0
    StripePush.objects.update(state="waiting")
    work()
    assert stripe.one("invoice")["status"] == "open"


@pytest.mark.parametrize("status", ["open", "draft", "unknown"])
def test_what_is_void_here_is_void_there_or_never_was(
    acme: Tenant, store: None, queued: Queue, work: Work, stripe: FakeStripe, status: str
) -> None:
    invoice = queued(acme)
    if status == "draft":
        stripe.fail("invoices/{id}/finalize", "500")
    if status != "unknown":
        work()
    void_invoice(invoice, key="v", reason="wrong address")
    work()
    states = [theirs["status"] for theirs in stripe.all("invoice")]
    assert states == (["void"] if status == "open" else [])
    assert push_of(invoice).state == "done"


def test_a_void_month_invoiced_anew_is_another_invoice_there(
    acme: Tenant, store: None, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    first = queued(acme)
    work()
    void_invoice(first, key="v", reason="wrong address")
    second = queued(acme, ["90.00"])
    work()
    found = {
        theirs["number"]: (theirs["status"], theirs["total"]) for theirs in stripe.all("invoice")
    }
    assert found == {first.number: ("void", 10000), second.number: ("open", 9000)}
    assert len(stripe.all("customer")) == 1


def test_what_is_paid_or_given_up_here_is_so_there(
    acme: Tenant, make_tenant: Callable[..., Tenant], queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    paid, given_up = queued(acme), queued(make_tenant())
    pay(paid, "40.00")
    work()
    assert {theirs["status"] for theirs in stripe.all("invoice")} == {"open"}
    pay(paid, "60.00", "k2")
    mark_uncollectible(given_up, key="u", reason="insolvent")
    work()
    found = {theirs["number"]: theirs["status"] for theirs in stripe.all("invoice")}
    assert found == {paid.number: "paid", given_up.number: "uncollectible"}
    # It was told there what is known here: nothing comes back.
    assert paid.payments.count() == 2
    pay(given_up, "100.00", "k3")
    work()
    assert {theirs["status"] for theirs in stripe.all("invoice")} == {"paid"}


def test_more_lines_than_stripe_takes_are_summed_by_charge(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme, ["0.01"] * 300, "6")
    work()
    # 3.00 and 0.18.
    assert stripe.one("invoice")["total"] == 318 == int(invoice.total * 100)
    lines = stripe.all("line_item")
    assert len(lines) == 249
    assert sum(line["amount"] for line in lines) == 318
    assert {
        int(count[: -len(" lines)")].rpartition("(")[2])
        for count in (
            line["description"] for line in lines if line["description"].startswith("Other")
        )
    } == {53}


def test_a_card_is_charged_where_that_is_agreed_and_the_money_booked(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, settings: LazySettings
) -> None:
    settings.STRIPE_COLLECTION = "charge_automatically"
    invoice = queued(acme)
    work()
    assert stripe.one("invoice")["status"] == "paid"
    invoice.refresh_from_db()
    assert (invoice.status, invoice.payments.get().method) == ("paid", "stripe")


def test_a_card_that_is_declined_is_tried_again_a_day_later(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, settings: LazySettings
) -> None:
    settings.STRIPE_COLLECTION = "charge_automatically"
    invoice = queued(acme)
    stripe.make("customer", "cus", card="declined", balance=0, metadata={})
    StripeCustomer.objects.create(tenant=acme, remote_id=stripe.one("customer")["id"])
    work()
    push = push_of(invoice)
    assert push.last_error == "CardError: Your card was declined."
    assert 23.9 < (push.due_at - push.invoice.stripe_push.created_at).total_seconds() / 3600 < 24.1
    stripe.one("customer")["card"] = "good"
    work()
    assert stripe.one("invoice")["status"] == "paid"


def test_quantities_go_to_meters_once(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, settings: LazySettings
) -> None:
    settings.STRIPE_METERS = {"calls-1": "calls", "calls-9": "none"}
    invoice = queued(acme, ["10.00", "3.00"])
    stripe.fail("billing/meter_events", "lost")
    for _ in range(3):
        work()
        outbox.queue([invoice])
    [event] = stripe.meter_events.values()
    customer = stripe.one("customer")["id"]
    assert event["event_name"] == "calls"
    assert event["payload"] == {"stripe_customer_id": customer, "value": "20"}
    # The last second of October.
    assert event["timestamp"] == "1793491199"


def test_what_is_rolled_back_is_not_queued(acme: Tenant, queued: Queue) -> None:
    with transaction.atomic():
        queued(acme)
        transaction.set_rollback(True)
    assert not StripePush.objects.exists()


def test_nothing_due_is_finalized_and_stripe_takes_it_as_paid(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe
) -> None:
    invoice = queued(acme, ["0.00"])
    work()
    assert stripe.one("invoice")["status"] == "paid"
    assert standing(invoice).remaining == 0
    assert push_of(invoice).state == "done"


PLAN = """
tenants: [{slug: flat, plan: pro, tax_percent: "6"}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges: [{code: pages, meter: {type: custom.pages, aggregation: sum, value: value}, charge: {model: per_unit, unit_amount: "0.5"}}]
"""  # noqa: E501 - a charge a line


def test_a_month_that_is_closed_is_at_stripe_to_the_cent(
    store: None,
    apply: Callable[..., str],
    manage: Callable[..., str],
    event: Events,
    send: Callable[..., object],
    work: Work,
    stripe: FakeStripe,
) -> None:
    apply(PLAN)
    tenant = Tenant.objects.get(slug="flat")
    send(tenant, [event("custom.pages", "2026-10-02T10:00:00Z", value="3.5")])
    manage("close_month", "2026-10")
    assert not StripePush.objects.exists()
    for _ in range(2):
        manage("close_month", "2026-10", "--finalize")
    assert StripePush.objects.get().wanted == 1
    work()
    # 3.5 × 0.5 = 1.75; 6 % of it is 0.105, so 0.11.
    assert (stripe.one("invoice")["total"], stripe.one("invoice")["number"]) == (
        186,
        "INV-2026-000001",
    )
