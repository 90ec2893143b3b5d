"""What differs between the two sides is named, a row each, and nothing where nothing does."""

from collections.abc import Callable
from datetime import date

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.test import Client

from billing.life_cycle import void_invoice
from billing.models import Invoice
from billing.stripe_sync.reconciling import COLUMNS, differences
from billing.stripe_sync.records import StripePush
from metering.models import Tenant
from tests.billing.finalized import finalized_invoice
from tests.billing.stripe.fake import FakeStripe
from tests.billing.stripe.test_pushing import pay

Queue = Callable[..., Invoice]
Work = Callable[[], int]
Run = Callable[..., str]


def found(month: str = "") -> list[tuple[str, str, str, str]]:
    return [(row.kind, row.number, row.ours, row.theirs) for row in differences(month)]


@pytest.fixture
def both(acme: Tenant, queued: Queue, work: Work) -> Invoice:
    invoice = queued(acme, ["100.00"])
    work()
    return invoice


def test_the_same_on_both_sides_says_nothing(
    both: Invoice, acme: Tenant, store: None, queued: Queue, work: Work, manage: Run
) -> None:
    pay(both, "100.00")
    queued(acme, ["-20.00"], month=date(2026, 11, 1), corrects=both)
    queued(acme, ["0.00"], month=date(2026, 9, 1))
    gone = queued(acme, ["5.00"], month=date(2026, 8, 1))
    void_invoice(gone, key="v", reason="wrong address")
    for _ in range(2):
        work()
    assert found() == []
    said = manage("reconcile_stripe", "--month", "2026-10")
    assert said == "the same at Stripe as here\n"


def test_each_thing_that_differs_is_named(
    both: Invoice, acme: Tenant, stripe: FakeStripe, queued: Queue, work: Work, manage: Run
) -> None:
    number = str(both.number)
    theirs = stripe.one("invoice")
    theirs |= {"total": 9900, "status": "uncollectible", "number": "A-1", "currency": "eur"}
    assert found("2026-10") == [
        ("number", number, number, "A-1"),
        ("currency", number, "USD", "EUR"),
        ("amount", number, "100.00", "99.00"),
        ("status", number, "open", "uncollectible"),
    ]
    with pytest.raises(CommandError, match="4 differences"):
        manage("reconcile_stripe")
    assert found("2026-09") == []


def test_what_is_missing_there_is_told_with_why_and_what_is_unknown_here(
    both: Invoice, acme: Tenant, stripe: FakeStripe, queued: Queue, work: Work
) -> None:
    never = finalized_invoice(acme, ["1.00"], month=date(2026, 9, 1))
    waits = queued(acme, ["2.00"], month=date(2026, 8, 1))
    theirs = stripe.one("invoice")
    stripe.things["in_90"] = theirs | {"id": "in_90", "number": "B-1", "metadata": {}}
    other = {"id": "in_91", "number": "C-1", "metadata": {}, "customer": "cus_99"}
    stripe.things["in_91"] = theirs | other
    rows = {row.number: row for row in differences()}
    assert rows.keys() == {never.number, waits.number, "B-1"}
    assert (rows[str(never.number)].kind, rows[str(never.number)].note) == (
        "missing",
        "was never queued",
    )
    assert rows[str(waits.number)].note == "waiting"
    unknown = rows["B-1"]
    assert (unknown.kind, unknown.tenant, unknown.theirs) == ("unknown", "acme", "open 100.00")


def test_money_that_is_known_on_one_side_only_is_seen(both: Invoice, stripe: FakeStripe) -> None:
    pay(both, "40.00")
    number = both.number
    assert found() == [("paid", number, "40.00", "0.00")]
    stripe.paid_by_card(stripe.one("invoice")["id"])
    assert found() == [("status", number, "open", "paid"), ("paid", number, "40.00", "100.00")]


def test_a_credit_note_that_differs(
    both: Invoice, acme: Tenant, stripe: FakeStripe, queued: Queue, work: Work
) -> None:
    note = queued(acme, ["-20.00"], month=date(2026, 11, 1), corrects=both)
    assert [row[:2] for row in found()] == [("missing", note.number)]
    work()
    stripe.one("credit_note")["total"] = 1500
    assert ("amount", note.number, "-20.00", "-15.00") in found()


def test_as_a_file_it_has_the_same_rows(
    both: Invoice, stripe: FakeStripe, manage: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stripe.one("invoice")["number"] = "A-1"
    with pytest.raises(CommandError):
        manage("reconcile_stripe", "--csv")
    header, row = capsys.readouterr().out.splitlines()
    assert header == ",".join(COLUMNS)
    assert row.startswith(f"number,{both.number},acme,2026-10,in_")


@pytest.mark.parametrize(
    ("key", "words", "said"),
    [
        ("", ["reconcile_stripe"], "no STRIPE_API_KEY is set"),
        ("", ["stripe_outbox", "push"], "no STRIPE_API_KEY is set"),
        ("k", ["reconcile_stripe", "--month", "2026-13"], "2026-13 is not a month"),
        ("k", ["stripe_outbox", "queue"], "--month: say of which month"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    stripe: FakeStripe,
    db: None,
    settings: object,
    manage: Run,
    key: str,
    words: list[str],
    said: str,
) -> None:
    settings.STRIPE_API_KEY = key  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match=said):
        manage(*words)


def test_a_stripe_that_is_down_is_one_sentence(db: None, stripe: FakeStripe, manage: Run) -> None:
    stripe.fail("GET invoices", "500")
    with pytest.raises(CommandError, match="Stripe does not answer: APIError"):
        manage("reconcile_stripe")


def test_a_month_from_before_there_was_a_key_can_be_queued(
    acme: Tenant, stripe: FakeStripe, manage: Run
) -> None:
    finalized_invoice(acme, ["100.00"])
    assert manage("stripe_outbox", "queue", "--month", "2026-10") == "1 queued\n"
    assert manage("stripe_outbox", "push") == "1 tried, 0 events handled\n"
    assert found() == []


def test_the_operator_sees_what_is_dead_and_tries_it_again(
    acme: Tenant, stripe: FakeStripe, queued: Queue, work: Work, client: Client
) -> None:
    acme.currency = "LYD"
    acme.save()
    queued(acme, ["1.000"])
    work()
    client.force_login(User.objects.create_superuser("op"))
    page = client.get("/admin/billing/stripepush/").content.decode()
    assert "Stripe does not know LYD" in page
    row = StripePush.objects.get()
    chosen = {"action": "try_again", "_selected_action": [row.pk]}
    client.post("/admin/billing/stripepush/", chosen)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("waiting", 0)
    assert client.get(f"/admin/billing/stripepush/{row.pk}/change/").status_code == 200
    assert client.post(f"/admin/billing/stripepush/{row.pk}/change/", {}).status_code == 403
    assert client.get("/admin/billing/stripeevent/").status_code == 200
    assert client.get("/admin/billing/stripecustomer/add/").status_code == 200
