"""What Stripe posts: taken when it is signed, stored once, handled once, in any order."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError
from django.test import Client

from billing.life_cycle import void_invoice
from billing.models import Invoice
from billing.standing import standing
from billing.stripe_sync.records import StripeEvent, StripePush
from metering.models import Tenant
from tests.billing.stripe.fake import FakeStripe, sign

Queue = Callable[..., Invoice]
Work = Callable[[], int]
Post = Callable[..., int]


@pytest.fixture
def post(client: Client) -> Post:
    """Post a body, well signed unless told otherwise; the status of the answer."""

    def send(body: bytes, signature: str | None = None) -> int:
        header = sign(body) if signature is None else signature
        return client.post(
            "/webhooks/stripe",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": header},
        ).status_code

    return send


@pytest.fixture
def pushed(acme: Tenant, queued: Queue, work: Work) -> Invoice:
    invoice = queued(acme, ["100.00"])
    work()
    return invoice


def stands(invoice: Invoice) -> tuple[str, str, str]:
    invoice = Invoice.objects.get(pk=invoice.pk)
    now = standing(invoice)
    return invoice.status, f"{now.paid:f}", f"{now.overpaid:f}"


def test_a_payment_comes_back_once(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work
) -> None:
    theirs = stripe.one("invoice")
    payment = stripe.paid_by_card(theirs["id"])
    paid, same = stripe.event("invoice.paid", theirs), stripe.event("invoice_payment.paid", payment)
    for body in (paid, paid, same, paid):
        assert post(body) == 200
    assert StripeEvent.objects.count() == 2
    work()
    assert stands(pushed) == ("paid", "100.00", "0.00")
    booked = pushed.payments.get()
    assert (booked.key, booked.method) == (f"stripe:{payment['id']}", "stripe")
    assert booked.reference == payment["payment"]["payment_intent"]
    outcomes = StripeEvent.objects.order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == ["booked 100.00 USD", "nothing new: paid at Stripe"]
    # That it is paid was asked to be pushed, and is so there already.
    written = len(stripe.written())
    assert (work(), work(), len(stripe.written())) == (1, 0, written)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_events_may_come_in_any_order_and_old_ones_change_nothing(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work, order: tuple[int, ...]
) -> None:
    theirs = stripe.one("invoice")
    bodies = [stripe.event("invoice.finalized", theirs)]
    for amount in (4000, 6000):
        payment = stripe.paid_by_card(theirs["id"], amount)
        bodies.append(stripe.event("invoice_payment.paid", payment))
    bodies.append(stripe.event("invoice.paid", theirs, created=int(time.time()) - 90_000))
    for n in order:
        assert post(bodies[n]) == 200
        work()
    assert stands(pushed) == ("paid", "100.00", "0.00")
    assert sorted(f"{payment.amount:f}" for payment in pushed.payments.all()) == ["40.00", "60.00"]


def test_paid_before_we_noted_that_it_was_there(
    acme: Tenant, queued: Queue, stripe: FakeStripe, post: Post, work: Work
) -> None:
    invoice = queued(acme, ["100.00"])
    work()
    theirs = stripe.one("invoice")
    # The worker died when Stripe had answered, and what it knew is lost.
    StripePush.objects.update(remote_id="", state="waiting")
    stripe.paid_by_card(theirs["id"])
    assert post(stripe.event("invoice.paid", theirs)) == 200
    work()
    assert stands(invoice) == ("paid", "100.00", "0.00")
    assert StripePush.objects.get().remote_id == theirs["id"]
    assert len(stripe.all("invoice")) == 1


def test_money_for_an_invoice_that_is_void_here_is_kept(
    pushed: Invoice, store: None, stripe: FakeStripe, post: Post, work: Work
) -> None:
    theirs = stripe.one("invoice")
    stripe.paid_by_card(theirs["id"])
    void_invoice(pushed, key="v", reason="wrong address")
    post(stripe.event("invoice.paid", theirs))
    work()
    assert stands(pushed) == ("void", "100.00", "100.00")
    push = StripePush.objects.get()
    assert push.state == "dead"
    assert "is void here, and in_" in push.last_error


def test_what_was_marked_as_paid_there_is_booked_here(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work
) -> None:
    theirs = stripe.one("invoice")
    stripe.paid_by_card(theirs["id"], 2500)
    theirs |= {"status": "paid", "amount_remaining": 0}
    post(stripe.event("invoice.paid", theirs))
    work()
    assert stands(pushed) == ("paid", "100.00", "0.00")
    booked = {payment.method: f"{payment.amount:f}" for payment in pushed.payments.all()}
    assert booked == {"stripe": "25.00", "outside stripe": "75.00"}


def test_what_is_given_up_there_is_given_up_here(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work
) -> None:
    theirs = stripe.one("invoice")
    theirs["status"] = "uncollectible"
    post(stripe.event("invoice.marked_uncollectible", theirs))
    work()
    assert stands(pushed)[0] == "uncollectible"


@pytest.mark.parametrize(
    ("kind", "thing", "outcome"),
    [
        ("customer.created", {"id": "cus_9", "object": "customer"}, "ignored"),
        ("something.new", {"id": "x_1", "object": "something"}, "ignored"),
        ("something.odd", {}, "ignored"),
    ],
)
def test_what_is_not_of_interest_is_stored_and_ignored(
    db: None,
    stripe: FakeStripe,
    post: Post,
    work: Work,
    kind: str,
    thing: dict[str, Any],
    outcome: str,
) -> None:
    assert post(stripe.event(kind, thing)) == 200
    assert work() == 1
    event = StripeEvent.objects.get()
    assert (event.type, event.state, event.outcome) == (kind, "done", outcome)


def test_an_invoice_that_others_made_is_not_ours(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work
) -> None:
    other = stripe.one("invoice") | {"id": "in_99", "metadata": {"daybook_id": "nonsense"}}
    stripe.things["in_99"] = other
    # Neither is one that only says that it is ours.
    copy = stripe.things["in_98"] = other | {
        "id": "in_98",
        "metadata": {"daybook_id": str(StripePush.objects.get().identity)},
    }
    for theirs in (other, copy):
        stripe.paid_by_card(theirs["id"])
        post(stripe.event("invoice.paid", theirs))
    work()
    found = list(StripeEvent.objects.order_by("pk").values_list("state", "outcome", "last_error"))
    assert found[0] == ("done", "not of an invoice of ours", "")
    assert found[1][0] == "dead"
    assert "and in_98 says so" in found[1][2]
    assert stands(pushed) == ("finalized", "0.00", "0.00")


def test_what_stripe_cannot_answer_now_is_handled_later(
    pushed: Invoice, stripe: FakeStripe, post: Post, work: Work
) -> None:
    theirs = stripe.one("invoice")
    stripe.paid_by_card(theirs["id"])
    post(stripe.event("invoice.paid", theirs))
    for how in ("500", "lost", "429", "401"):
        stripe.fail("GET invoice_payments", how)
        work()
        assert StripeEvent.objects.get().state == "waiting"
    work()
    assert stands(pushed)[0] == "paid"


def test_a_signature_has_to_be_right_and_recent(
    db: None, stripe: FakeStripe, post: Post, settings: LazySettings
) -> None:
    body = stripe.event("customer.created", {"id": "cus_9"})
    now = int(time.time())
    for signature in (
        "",
        "t=x,v1=y",
        f"t={now}",
        sign(body, "whsec_other"),
        sign(body + b" "),
        sign(body, at=now - 301),
        sign(body).replace("v1=", "v0="),
    ):
        assert post(body, signature) == 400, signature
    assert post(b"\xff\xfe", sign(b"\xff\xfe")) == 400
    assert not StripeEvent.objects.exists()
    assert post(body, sign(body, at=now - 290)) == 200
    # While a secret is rolled, Stripe signs with both.
    assert post(body, f"{sign(body, 'whsec_old')},{sign(body).partition(',')[2]}") == 200
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert post(body, sign(body, "")) == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "x", "created": 1, "data": {}}',
        b'{"id": "evt_1", "type": "x", "created": 1e300, "data": {}}',
        b'{"id": "evt_1", "type": "x", "created": "now", "data": {}}',
        b'{"id": "evt_1", "type": "x", "created": 1, "data": []}',
        b'{"id": "", "type": "x", "created": 1, "data": {}}',
        b'{"id": "evt_\\u0000", "type": "x", "created": 1, "data": {}}',
        b'{"id": "evt_1", "type": "x", "created": 1, "data": {"object": {"a": "\\u0000"}}}',
    ],
)
def test_what_is_no_event_is_refused_also_when_it_is_signed(
    db: None, stripe: FakeStripe, post: Post, body: bytes
) -> None:
    assert post(body) == 400
    assert not StripeEvent.objects.exists()


def test_too_much_is_refused_before_it_is_read(db: None, stripe: FakeStripe, post: Post) -> None:
    assert post(b" " * ((1 << 20) + 1)) == 413


def test_a_database_that_is_down_is_503_and_stripe_sends_it_again(
    db: None, stripe: FakeStripe, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", down)
    body = stripe.event("customer.created", {"id": "cus_9"})
    headers = {"Stripe-Signature": sign(body)}
    answer = client.post("/webhooks/stripe", body, "application/json", headers=headers)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert client.get("/webhooks/stripe").status_code == 405
