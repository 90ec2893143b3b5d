from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import Invoice, InvoiceLine
from metering.models import Tenant

pytestmark = pytest.mark.django_db

START, END = datetime(2026, 9, 30, 16, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)


def make_draft(tenant: Tenant, month: date = date(2026, 10, 1)) -> Invoice:
    invoice = Invoice.objects.create(
        tenant=tenant,
        month=month,
        currency="USD",
        period_start=START,
        period_end=END,
        tax_percent=Decimal(0),
        subtotal=Decimal("1.00"),
        tax=Decimal("0.00"),
        total=Decimal("1.00"),
        watermark=END,
        snapshot={},
    )
    add_line(invoice, 1)
    return invoice


def add_line(invoice: Invoice, position: int) -> InvoiceLine:
    return InvoiceLine.objects.create(
        invoice=invoice,
        position=position,
        code="calls",
        key="units",
        description="Calls",
        quantity=Decimal(1),
        unit_amount=Decimal(1),
        exact_amount=Decimal(1),
        amount=Decimal("1.00"),
        period_start=START,
        period_end=END,
    )


@pytest.fixture
def finalized() -> Invoice:
    invoice = make_draft(Tenant.objects.create(slug="acme", name="Acme"))
    Invoice.objects.filter(pk=invoice.pk).update(status="finalized", number="INV-2026-000001")
    invoice.refresh_from_db()
    return invoice


@pytest.mark.parametrize(
    "change",
    [
        {"total": Decimal("0.99")},
        {"number": "INV-2026-000002"},
        {"snapshot": {"a": 1}},
        {"month": date(2026, 11, 1)},
        {"status": "draft", "number": None},
    ],
)
def test_the_database_refuses_to_change_a_finalized_invoice(
    finalized: Invoice, change: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Invoice.objects.filter(pk=finalized.pk).update(**change)


def test_the_database_refuses_to_delete_it_and_to_touch_its_lines(finalized: Invoice) -> None:
    line = finalized.lines.get()
    for statement in (
        f"DELETE FROM billing_invoice WHERE id = {finalized.pk}",
        f"DELETE FROM billing_invoiceline WHERE id = {line.pk}",
        f"UPDATE billing_invoiceline SET amount = '0.01' WHERE id = {line.pk}",
        f"UPDATE billing_invoiceline SET description = '' WHERE id = {line.pk}",
        f"UPDATE billing_invoiceline SET kind = 'coupon' WHERE id = {line.pk}",
    ):
        with (
            pytest.raises(DatabaseError, match="never change"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        add_line(finalized, 2)


def test_a_line_cannot_be_moved_onto_a_finalized_invoice(finalized: Invoice) -> None:
    draft = make_draft(Tenant.objects.create(slug="other", name="Other"))
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        draft.lines.update(invoice=finalized, position=9)


@pytest.mark.parametrize(
    ("path", "works"),
    [
        (["paid"], True),
        (["void"], True),
        (["uncollectible", "paid"], True),
        (["paid", "void"], False),
        (["void", "paid"], False),
        (["paid", "finalized"], False),
    ],
)
def test_only_its_status_goes_on_and_never_back(
    finalized: Invoice, path: list[str], works: bool
) -> None:
    *first, last = path
    for status in first:
        Invoice.objects.filter(pk=finalized.pk).update(status=status)
    if works:
        assert Invoice.objects.filter(pk=finalized.pk).update(status=last) == 1
    else:
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            Invoice.objects.filter(pk=finalized.pk).update(status=last)


def test_a_draft_can_be_changed_and_deleted() -> None:
    invoice = make_draft(Tenant.objects.create(slug="acme", name="Acme"))
    invoice.lines.update(amount=Decimal("2.00"))
    Invoice.objects.update(total=Decimal("2.00"))
    invoice.delete()
    assert not InvoiceLine.objects.exists()


def test_a_month_has_one_invoice_and_another_once_that_is_void(finalized: Invoice) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_draft(finalized.tenant)
    Invoice.objects.filter(pk=finalized.pk).update(status="void")
    assert make_draft(finalized.tenant).pk


def test_every_digit_of_a_decimal_is_kept() -> None:
    invoice = make_draft(Tenant.objects.create(slug="acme", name="Acme"))
    exact = Decimal("12345678901234567890123456789.000000000000000000000000000000000123456789")
    invoice.lines.update(exact_amount=exact, amount=Decimal("-0.10"))
    line = invoice.lines.get()
    assert line.exact_amount == exact
    assert str(line.amount) == "-0.10"
