"""Credit notes at Stripe: on the invoices that they correct, and what that means for both here."""

from collections.abc import Callable
from datetime import date

import pytest

from billing.models import Invoice, InvoiceLine
from billing.standing import standing
from billing.stripe_sync import outbox
from billing.stripe_sync.records import StripePush
from metering.models import Tenant
from tests.billing.finalized import finalized_invoice
from tests.billing.stripe.fake import FakeStripe

Queue = Callable[..., Invoice]
Work = Callable[[], int]


@pytest.fixture
def note_of(stripe: FakeStripe) -> Callable[[Invoice, str], Invoice]:
    """November's credit note, which corrects an invoice."""

    def make(corrected: Invoice, amount: str) -> Invoice:
        note = finalized_invoice(
            corrected.tenant, [amount], month=date(2026, 11, 1), corrects=corrected
        )
        outbox.queue([note])
        return note

    return make


def stands(invoice: Invoice) -> tuple[str, str, str]:
    invoice = Invoice.objects.get(pk=invoice.pk)
    now = standing(invoice)
    return invoice.status, f"{now.paid:f}", f"{now.remaining:f}"


def test_what_is_not_paid_yet_becomes_less_on_both_sides(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, note_of: Callable[..., Invoice]
) -> None:
    invoice = queued(acme, ["100.00"])
    note = note_of(invoice, "-30.00")
    for _ in range(3):
        work()
    theirs = stripe.one("credit_note")
    assert (theirs["total"], theirs["pre_payment_amount"]) == (3000, 3000)
    assert theirs["metadata"]["daybook_number"] == note.number
    assert (stripe.one("invoice")["amount_remaining"], stripe.one("invoice")["status"]) == (
        7000,
        "open",
    )
    assert stands(invoice) == ("finalized", "30.00", "70.00")
    assert stands(note) == ("paid", "-30.00", "0.00")
    stripe.paid_by_card(stripe.one("invoice")["id"])
    outbox.queue([invoice])
    work()
    assert stands(invoice) == ("paid", "100.00", "0.00")


def test_what_was_paid_is_given_back_by_people_and_not_by_stripe(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, note_of: Callable[..., Invoice]
) -> None:
    invoice = queued(acme, ["100.00"])
    work()
    stripe.paid_by_card(stripe.one("invoice")["id"])
    note = note_of(invoice, "-30.00")
    work()
    theirs = stripe.one("credit_note")
    assert (theirs["pre_payment_amount"], theirs["post_payment_amount"]) == (0, 3000)
    assert stands(note) == ("finalized", "0.00", "-30.00")
    assert StripePush.objects.get(invoice=note).state == "done"


@pytest.mark.parametrize("how", ["lost", "500", "500-after", "429"])
def test_whatever_goes_wrong_there_is_one(
    acme: Tenant,
    queued: Queue,
    work: Work,
    stripe: FakeStripe,
    note_of: Callable[..., Invoice],
    how: str,
) -> None:
    invoice = queued(acme, ["100.00"])
    stripe.fail("credit_notes", how)
    note = note_of(invoice, "-30.00")
    for _ in range(4):
        work()
    assert stripe.one("credit_note")["total"] == 3000
    assert stands(note) == ("paid", "-30.00", "0.00")
    assert stands(invoice) == ("finalized", "30.00", "70.00")


def test_it_goes_on_several_invoices_where_one_cannot_bear_it(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, note_of: Callable[..., Invoice]
) -> None:
    older = queued(acme, ["50.00"], month=date(2026, 9, 1))
    invoice = queued(acme, ["100.00"])
    work()
    note = note_of(older, "-120.00")
    work()
    work()
    numbers = {theirs["id"]: theirs["number"] for theirs in stripe.all("invoice")}
    found = {numbers[n["invoice"]]: n["total"] for n in stripe.all("credit_note")}
    assert found == {older.number: 5000, invoice.number: 7000}
    assert stands(older) == ("paid", "50.00", "0.00")
    assert stands(invoice) == ("finalized", "70.00", "30.00")
    assert stands(note) == ("paid", "-120.00", "0.00")


def test_more_than_all_of_them_bear_is_dead_with_what_is_left(
    acme: Tenant, queued: Queue, work: Work, stripe: FakeStripe, note_of: Callable[..., Invoice]
) -> None:
    invoice = queued(acme, ["100.00"])
    work()
    note = note_of(invoice, "-120.00")
    work()
    push = StripePush.objects.get(invoice=note)
    assert push.state == "dead"
    assert push.last_error == f"{note}: no invoice at Stripe can bear the last 20.00 USD of it"
    assert InvoiceLine.objects.filter(corrects=invoice).count() == 1
