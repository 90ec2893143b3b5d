"""A month that was invoiced by a wrong price, rated again: in dates and cents."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client

from billing.models import Invoice, InvoiceLine
from billing.rerating import book, book_apart, rerate
from billing.restatement import Restatement
from metering.ingest import Report
from metering.models import AuditEntry, Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

# The list says 0.02 a token, where 0.002 was agreed.
PLAN = """
tenants: [{slug: acme, plan: pro, tax_percent: "10"}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: tokens, meter: {type: agent.tokens, value: input_tokens}, charge: {model: per_unit, unit_amount: "0.02"}}
      - {code: tools, meter: {type: agent.tool, aggregation: count}, charge: {model: per_unit, unit_amount: "1"}}
"""  # noqa: E501 - a charge a line
RIGHT = PLAN.replace('"0.02"', '"0.002"')
DEARER = PLAN.replace('"0.02"', '"0.05"')


@pytest.fixture
def august(apply: Run, event: Events, send: Send, manage: Run) -> Invoice:
    """1,000 tokens at 0.02 and a tool at 1: 21.00, and 23.10 with tax."""
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-08-05T00:00:00Z", input_tokens=1000)])
    send(acme, [event("agent.tool", "2026-08-05T00:00:00Z", tool="t")])
    manage("close_month", "2026-08", "--finalize")
    return Invoice.objects.select_related("tenant").get()


def billed(invoice: Invoice) -> list[tuple[str, str, str | None, str, bool]]:
    return [
        (
            line.code,
            f"{line.quantity:f}",
            None if line.unit_amount is None else f"{line.unit_amount:f}",
            f"{line.amount:f}",
            line.correction,
        )
        for line in invoice.lines.order_by("position")
    ]


def test_the_difference_is_shown_line_by_line_and_nothing_is_changed(
    august: Invoice, apply: Run, manage: Run
) -> None:
    said = manage("rerate", "INV-2026-000001")
    assert "0.00 USD before tax; 2 lines are as billed" in said
    apply(RIGHT)
    for words in (("INV-2026-000001",), ("2026-08", "--dry-run"), ("2026-08", "--tenant", "acme")):
        rows = [line.split() for line in manage("rerate", *words).splitlines()]
        assert rows == [
            ["INV-2026-000001", "acme", "2026-08"],
            ["LINE", "QUANTITY", "BILLED", "NOW", "DIFFERENCE"],
            ["Tokens", "1000", "20.00", "2.00", "-18.00"],
            ["-18.00", "USD", "before", "tax;", "1", "lines", "are", "as", "billed"],
        ]
    assert not Restatement.objects.exists()
    manage("close_month", "2026-09", "--finalize")
    # A price that is changed, and not booked, corrects nothing.
    assert billed(Invoice.objects.get(month="2026-09-01")) == []


def test_what_was_booked_is_on_the_next_invoice_once(
    august: Invoice, apply: Run, event: Events, send: Send, manage: Run, api: Api
) -> None:
    apply(RIGHT)
    said = manage("rerate", "INV-2026-000001", "--book", "--reason", "agreed 0.002")
    assert said.endswith("booked for the next invoice\n")
    said = manage("rerate", "INV-2026-000001", "--book")
    assert said.endswith("booked already, or nothing to book\n")
    [kept] = Restatement.objects.all()
    assert kept.reason == "agreed 0.002"
    assert AuditEntry.objects.filter(action="invoice.rerated").count() == 1
    send(august.tenant, [event.tokens("2026-09-05T00:00:00Z", input_tokens=10_000)])
    manage("close_month", "2026-09", "--finalize")
    september = Invoice.objects.get(month="2026-09-01")
    # 10,000 × 0.002; of August 1000 × (0.002 − 0.02); 10 % of the 2.00 that is left.
    assert billed(september) == [
        ("tokens", "10000", "0.002", "20.00", False),
        ("tokens", "0", None, "-18.00", True),
    ]
    assert (f"{september.tax:f}", f"{september.total:f}") == ("0.20", "2.20")
    lines = api(august.tenant).get(f"/api/v1/invoices/{september.number}/lines").json()["rows"]
    assert lines[1]["description"] == ("Correction of 2026-08: Tokens (0.002 each instead of 0.02)")
    assert (lines[1]["correction"], lines[1]["corrects"]) == (True, "INV-2026-000001")
    assert lines[1]["period_start"] == "2026-08-01T00:00:00Z"
    assert (lines[0]["correction"], lines[0]["corrects"]) == (False, None)
    events = api(august.tenant).get(f"/api/v1/invoices/{september.number}/lines/2/events")
    assert len(events.json()["rows"]) == 1
    # Nothing is left to correct, and each is still what its events come to.
    manage("close_month", "2026-10", "--finalize")
    assert billed(Invoice.objects.get(month="2026-10-01")) == []
    for number in ("INV-2026-000001", "INV-2026-000002", "INV-2026-000003"):
        assert "is right to the cent" in manage("verify_invoice", number)


def test_late_usage_of_a_restated_month_has_the_corrected_price(
    august: Invoice, apply: Run, event: Events, send: Send, manage: Run
) -> None:
    apply(RIGHT)
    book(august)
    apply(DEARER)
    manage("close_month", "2026-09", "--finalize")
    send(august.tenant, [event.tokens("2026-08-06T00:00:00Z", input_tokens=500)])
    manage("close_month", "2026-10", "--finalize")
    assert billed(Invoice.objects.get(month="2026-09-01")) == [
        ("tokens", "0", None, "-18.00", True)
    ]
    assert billed(Invoice.objects.get(month="2026-10-01")) == [
        ("tokens", "500", "0.002", "1.00", True)
    ]


def test_a_credit_note_of_its_own_at_once(
    august: Invoice, apply: Run, event: Events, send: Send, manage: Run, api: Api
) -> None:
    apply(RIGHT)
    said = manage("rerate", "INV-2026-000001", "--separate", "--reason", "agreed")
    assert said.endswith("booked: CN-2026-000001, -19.80 USD with tax\n")
    assert manage("rerate", "INV-2026-000001", "--separate").endswith("nothing to book\n")
    note = Invoice.objects.get(number="CN-2026-000001")
    # −18.00 and 10 % of it, for August.
    assert (note.kind, note.status, note.period_start) == (
        "credit_note",
        "finalized",
        datetime(2026, 8, 1, tzinfo=UTC),
    )
    assert billed(note) == [("tokens", "0", None, "-18.00", True)]
    assert note.not_charged == []
    assert "is right to the cent" in manage("verify_invoice", "CN-2026-000001")
    numbers = [row["number"] for row in api(august.tenant).get("/api/v1/invoices").json()["rows"]]
    assert sorted(filter(None, numbers)) == ["CN-2026-000001", "INV-2026-000001"]
    # September bills its own alone, and closing August again finds its invoice.
    send(august.tenant, [event.tokens("2026-09-05T00:00:00Z", input_tokens=10)])
    manage("close_month", "2026-09", "--finalize")
    assert billed(Invoice.objects.get(number="INV-2026-000002")) == [
        ("tokens", "10", "0.002", "0.02", False)
    ]
    assert "INV-2026-000001" in manage("close_month", "2026-08", "--finalize")
    assert Invoice.objects.count() == 3


def test_rated_again_and_back_again(august: Invoice, apply: Run, manage: Run) -> None:
    apply(RIGHT)
    assert (note := book_apart(august)) is not None
    assert f"{note.total:f}" == "-19.80"
    apply(DEARER)
    # 1000 × (0.05 − 0.002) = 48.00, with tax 52.80.
    assert f"{rerate(august).amount:f}" == "48.00"
    assert (dearer := book_apart(august)) is not None
    assert (dearer.kind, f"{dearer.total:f}") == ("invoice", "52.80")
    apply(PLAN)
    assert book(august)
    manage("close_month", "2026-09", "--finalize")
    # 20.00 again, where 50.00 was billed.
    assert billed(Invoice.objects.get(month="2026-09-01")) == [
        ("tokens", "0", None, "-30.00", True)
    ]
    for invoice in Invoice.objects.all():
        assert "is right to the cent" in manage("verify_invoice", str(invoice.number))


def test_a_charge_that_is_new_or_gone_is_a_line_with_its_events(
    august: Invoice, apply: Run, manage: Run, api: Api
) -> None:
    new = PLAN.replace("code: tools", "code: calls").replace('"1"}}', '"3"}}')
    apply(new)
    book(august)
    manage("close_month", "2026-09", "--finalize")
    september = Invoice.objects.get(month="2026-09-01")
    assert billed(september) == [
        ("calls", "1", "3", "3.00", True),
        ("tools", "-1", "1", "-1.00", True),
    ]
    client = api(august.tenant)
    rows = client.get(f"/api/v1/invoices/{september.number}/lines/1/events").json()["rows"]
    assert [row["type"] for row in rows] == ["agent.tool"]


COST_PLUS = """
tenants: [{slug: acme, plan: pro}]
prices: [{tool: t, valid_from: 2026-01-01, currency: USD, per_unit: "2"}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges: [{code: plus, meter: {metric: cost}, charge: {model: per_unit, unit_amount: "1.1"}}]
"""


def test_a_corrected_cost_book(apply: Run, event: Events, send: Send, manage: Run) -> None:
    apply(COST_PLUS)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event("agent.tool", "2026-08-05T00:00:00Z", tool="t", units="10")])
    manage("close_month", "2026-08", "--finalize")
    apply(COST_PLUS.replace('"2"', '"1.5"'))
    manage("rerate", "2026-08", "--book")
    manage("close_month", "2026-09", "--finalize")
    # 20 × 1.1 was billed; 15 × 1.1 is right.
    assert billed(Invoice.objects.get(month="2026-09-01")) == [("plus", "-5", "1.1", "-5.50", True)]
    assert "is right to the cent" in manage("verify_invoice", "CN-2026-000001")


def test_only_invoices_of_months_are_rated_again(august: Invoice, apply: Run, manage: Run) -> None:
    with pytest.raises(CommandError, match="there is no finalized invoice 'INV-2026-000009'"):
        manage("rerate", "INV-2026-000009")
    with pytest.raises(CommandError, match="there is no finalized invoice '2026-09'"):
        manage("rerate", "2026-09")
    apply(RIGHT)
    manage("rerate", "2026-08", "--separate")
    with pytest.raises(CommandError, match="1 could not be rated again"):
        manage("rerate", "CN-2026-000001")


def test_what_was_restated_is_written_down_for_good(august: Invoice, apply: Run) -> None:
    apply(RIGHT)
    book(august)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Restatement.objects.update(reason="something else")
    assert InvoiceLine.objects.count() == 2


FEES = "    fees: [{code: base, amount: '10'}, {code: ahead, amount: '5', in_advance: true}]\n"


def test_fees_are_not_rated_again(apply: Run, event: Events, send: Send, manage: Run) -> None:
    plan = PLAN.replace("    charges:", f"{FEES}    charges:")
    apply(plan)
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.tokens("2026-08-05T00:00:00Z", input_tokens=1000)])
    manage("close_month", "2026-08", "--finalize")
    apply(plan.replace('"0.02"', '"0.002"').replace("'10'", "'99'"))
    manage("rerate", "INV-2026-000001", "--separate")
    note = Invoice.objects.get(number="CN-2026-000001")
    assert billed(note) == [("tokens", "0", None, "-18.00", True)]
    assert "is right to the cent" in manage("verify_invoice", "CN-2026-000001")
