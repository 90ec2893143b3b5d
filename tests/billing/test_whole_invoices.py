"""Laws of whole invoices: all parts of an agreement at once, over months, through the commands."""

import itertools
import json
import os
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from billing.exports.ask import read_ask
from billing.exports.registry import export
from billing.invoicing import NothingToInvoiceError
from billing.life_cycle import void_invoice
from billing.models import Invoice, InvoiceLine
from billing.prepaid.queries import balances, broken
from billing.preview import preview
from billing.rating.money import EXACT, ZERO, round_money
from billing.rerating import book, book_apart, rerate
from billing.stripe_sync.amounts import NotRepresentableError, to_stripe
from billing.stripe_sync.lines import stripe_lines
from metering.ingest import Report
from metering.models import Tenant
from tests.billing.exports import focus_rules, rfc4180
from tests.billing.worlds import MONTHS, World, worlds

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Line = tuple[object, ...]

pytestmark = pytest.mark.usefixtures("store")
_slugs = itertools.count(1)
# An example closes months of an installation several times: FUZZ_EXAMPLES looks longer.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
_FIELDS = ("kind", "code", "key", "description", "quantity", "amount", "exact_amount", "group")
_whole = settings(
    # An example takes seconds, so the first one that fails is told as it is.
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Installation:
    """An operator who runs commands, and customers who send events."""

    def __init__(self, apply: Run, manage: Run, send: Send) -> None:
        self.apply, self.manage, self.send = apply, manage, send

    def tenant(self, world: World, *, told: bool) -> Tenant:
        slug = f"law-{next(_slugs)}"
        self.apply(json.dumps(world.configuration(slug, told=told)))
        if world.credit:
            words = ("--amount", world.credit, "--key", "k", "--effective", "2026-01-01")
            self.manage("grant_credits", "--tenant", slug, *words)
        return Tenant.objects.get(slug=slug)

    def close(self, tenant: Tenant, month: str) -> Invoice | None:
        self.manage("close_month", month, "--tenant", tenant.slug, "--finalize")
        counting = Invoice.objects.filter(tenant=tenant, month=f"{month}-01", reason="month")
        invoice = counting.exclude(status="void").first()
        assert invoice is None or invoice.status == "finalized"
        return invoice


@pytest.fixture
def installation(apply: Run, manage: Run, send: Send) -> Installation:
    return Installation(apply, manage, send)


def lines_of(lines: Any) -> list[Line]:
    return [tuple(getattr(line, name) for name in _FIELDS) for line in lines]


def stored(invoice: Invoice) -> list[Line]:
    return lines_of(invoice.lines.order_by("position"))


def check_invoice(invoice: Invoice, manage: Run) -> None:
    """What holds of every one: sums, credits, its proof, and what others are told of it."""
    amounts = [line.amount for line in invoice.lines.all()]
    assert all(amount == round_money(amount, invoice.currency) for amount in amounts)
    assert sum(amounts, ZERO) == invoice.subtotal
    exact_tax = invoice.subtotal * invoice.tax_percent / 100
    assert invoice.tax == round_money(exact_tax, invoice.currency)
    assert invoice.subtotal + invoice.tax == invoice.total
    assert ZERO <= invoice.credits_applied <= max(invoice.total, ZERO)
    assert invoice.amount_due == invoice.total - invoice.credits_applied
    assert (invoice.kind == "credit_note") == (invoice.total < 0)
    assert "is right to the cent" in manage("verify_invoice", str(invoice.number))
    check_stripe(invoice)


def check_stripe(invoice: Invoice) -> None:
    """The same to the smallest coin, or not at all."""
    try:
        due = to_stripe(invoice.amount_due, invoice.currency)
    except NotRepresentableError:
        return
    assert sum(line["amount"] for line in stripe_lines(invoice)) == due


def check_files(tenant: Tenant, month: str) -> None:
    """The journal balances and FOCUS has the total, of every invoice."""
    counting = Invoice.objects.filter(tenant=tenant, month=f"{month}-01").exclude(status="void")
    focus = rows_of("focus", tenant, month)
    assert focus_rules.broken(focus) == []
    for invoice in counting:
        own = [row for row in focus if row["InvoiceId"] == invoice.number]
        # A price of a thousandth of a thousandth has more digits than a context usually keeps.
        with localcontext(EXACT):
            assert sum((Decimal(row["BilledCost"]) for row in own), ZERO) == invoice.total
        journal = [
            r for r in rows_of("journal", tenant, month) if str(invoice.number) in r["journal"]
        ]
        debit, credit = (
            sum((Decimal(row[side] or 0) for row in journal), ZERO) for side in ("debit", "credit")
        )
        assert debit == credit


def rows_of(kind: str, tenant: Tenant, month: str) -> list[dict[str, str]]:
    header, *rows = rfc4180.read(b"".join(export(read_ask(kind, month, {}), [tenant])))
    return [dict(zip(header, row, strict=True)) for row in rows]


def close_and_check(installation: Installation, tenant: Tenant, month: str) -> Invoice | None:
    """Preview, draft and invoice are the same; void and made again they still are."""
    try:
        previewed = lines_of(preview(tenant, month).lines)
    except NothingToInvoiceError:
        assert installation.close(tenant, month) is None
        return None
    installation.manage("close_month", month, "--tenant", tenant.slug)
    [draft] = Invoice.objects.filter(tenant=tenant, month=f"{month}-01", status="draft")
    assert stored(draft) == previewed
    invoice = installation.close(tenant, month)
    assert invoice is not None
    assert stored(invoice) == previewed
    check_invoice(invoice, installation.manage)
    return invoice


def check_void(installation: Installation, tenant: Tenant, invoice: Invoice) -> Invoice:
    before = balances(tenant)[0].balance
    void_invoice(invoice, key=f"void-{invoice.pk}", reason="law")
    assert balances(tenant)[0].balance == before + invoice.credits_applied
    again = installation.close(tenant, f"{invoice.month:%Y-%m}")
    assert again is not None
    assert stored(again) == stored(invoice)
    assert again.credits_applied == invoice.credits_applied
    assert (again.total, balances(tenant)[0].balance) == (invoice.total, before)
    check_invoice(again, installation.manage)
    return again


def live(installation: Installation, world: World) -> Tenant:
    """Three months as they come: closed one after the other, with duplicates and late events."""
    tenant = installation.tenant(world, told=not world.backdated)
    late: list[dict[str, Any]] = []
    for month in MONTHS:
        own = world.events[month]
        installation.send(tenant, [*reversed(own), *late, *own])
        invoice = close_and_check(installation, tenant, month)
        if invoice is not None and month == MONTHS[1]:
            check_void(installation, tenant, invoice)
        if world.backdated and month == MONTHS[0]:
            installation.apply(json.dumps(world.configuration(tenant.slug)))
        late = [{**event, "data": event["data"]} for event in world.late.get(month, [])]
    return tenant


def knew_all(installation: Installation, world: World) -> Tenant:
    """The same, for whom nothing was late."""
    tenant = installation.tenant(world, told=True)
    for month in MONTHS:
        installation.send(tenant, [*world.events[month], *world.late.get(month, [])])
    for month in MONTHS:
        installation.close(tenant, month)
    return tenant


def by_period(tenant: Tenant) -> dict[Line, Decimal]:
    """What was billed for each code and month that it belongs to, whichever invoice billed it."""
    found: dict[Line, Decimal] = {}
    lines = InvoiceLine.objects.filter(invoice__tenant=tenant).exclude(invoice__status="void")
    for line in lines.select_related("invoice", "corrects"):
        month = (line.corrects or line.invoice).month if line.kind != "fee" else None
        key = (line.kind, line.code, month)
        found[key] = found.get(key, ZERO) + line.amount
    return {key: amount for key, amount in found.items() if amount}


def check_rerating(installation: Installation, world: World, tenant: Tenant) -> None:
    """Under the same prices nothing differs; under others it does so once."""
    counting = Invoice.objects.filter(tenant=tenant, reason="month").exclude(status="void")
    for invoice in counting.order_by("month"):
        assert rerate(invoice).changed == []
    first = counting.order_by("month").first()
    if first is None:
        return
    configuration = world.configuration(tenant.slug)
    for plan in configuration["plans"]:
        plan["charges"] = [
            {
                "code": "c0",
                "meter": {"type": "agent.tool", "aggregation": "count"},
                "charge": {"model": "per_unit", "unit_amount": "2"},
            }
        ]
        plan.pop("allowances", None)
    installation.apply(json.dumps(configuration))
    asked = rerate(first)
    note = book_apart(first)
    assert (note.subtotal if note else ZERO) == asked.amount
    assert rerate(first).changed == []
    assert not book(first)
    assert book_apart(first) is None
    if note:
        check_invoice(note, installation.manage)


@pytest.mark.slow
@given(world=worlds())
@settings(_whole, max_examples=EXAMPLES)
def test_laws_of_whole_invoices(installation: Installation, world: World) -> None:
    tenant, other = live(installation, world), knew_all(installation, world)
    for month in MONTHS:
        check_files(tenant, month)
    assert by_period(tenant) == by_period(other)
    assert list(broken(tenant)) == []
    check_rerating(installation, world, tenant)
