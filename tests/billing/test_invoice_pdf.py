"""The PDF says what the invoice says, is the same when made again, and stands up to its size."""

import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billing.models import Invoice, InvoiceLine
from billing.parties import Parties, Party
from billing.pdf.render import invoice_pdf
from metering.models import Tenant
from tests.billing.test_immutable import END, START, make_draft

pytestmark = pytest.mark.django_db

PARTIES = Parties(
    seller=Party(name="Agents AG", address="Ringstraße 5\n8001 Zürich", tax_id="CHE-116.281.710"),
    customer=Party(
        name="株式会社 百度 한국 Ελλάς شركة",
        address="上海市浦东新区",
        email="a@b.example",
        tax_id="X1",
    ),
    payment_days=14,
    how_to_pay="IBAN CH93 0076 2011 6238 5295 7",
    tax_note="Reverse charge.",
)
Make = Callable[..., Invoice]


@pytest.fixture
def make() -> Make:
    """A finalized invoice of any lines: (code, description, quantity, unit price, amount)."""

    def invoice(lines: list[tuple[str, str, str, str, str]], **fields: Any) -> Invoice:
        found = make_draft(Tenant.objects.create(slug="acme", name="Acme"))
        found.lines.all().delete()
        rows = [_line(found, n, line) for n, line in enumerate(lines, start=1)]
        InvoiceLine.objects.bulk_create(rows)
        subtotal = sum((row.amount for row in rows), Decimal(0))
        values = {
            "number": "INV-2026-000001",
            "status": "finalized",
            "finalized_at": datetime(2026, 11, 1, 2, tzinfo=UTC),
            "parties": PARTIES.as_json(),
            "snapshot": {"terms": {"timezone": "Asia/Shanghai"}},
            "subtotal": subtotal,
            "total": subtotal,
            **fields,
        }
        Invoice.objects.filter(pk=found.pk).update(**values)
        return Invoice.objects.get(pk=found.pk)

    return invoice


def _line(invoice: Invoice, n: int, line: tuple[str, str, str, str, str]) -> InvoiceLine:
    code, description, quantity, unit_amount, amount = line
    return InvoiceLine(
        invoice=invoice,
        position=n,
        code=code,
        key=f"k{n}",
        description=description,
        quantity=Decimal(quantity),
        unit="token",
        unit_amount=Decimal(unit_amount),
        exact_amount=Decimal(amount),
        amount=Decimal(amount),
        period_start=START,
        period_end=END,
    )


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def words(pdf: bytes) -> str:
    """Its text, each run of blanks as one."""
    text = "\n".join(page.extract_text() for page in read(pdf).pages)
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


ONE = [("tokens", "Tokens · qwen-max", "1800000", "0.000002", "3.60")]


def test_it_names_both_sides_dates_tax_and_how_to_pay(make: Make) -> None:
    text = words(invoice_pdf(make(ONE, tax_percent="7.7", tax="0.28", total="3.88")))
    # Finalized on 1 November at 10:00 in Shanghai; due 14 days later.
    for part in (
        "Invoice INV-2026-000001",
        "Agents AG Ringstraße 5 8001 Zürich Tax ID CHE-116.281.710",
        "上海市浦东新区 a@b.example Tax ID X1",
        "Date of issue 1 November 2026",
        "Due 15 November 2026",
        "1 October 2026 – 31 October 2026",
        "qwen-max 1,800,000 token 0.000002 3.60",
        "Subtotal 3.60 Tax, 7.7 % 0.28 Total in USD 3.88",
        "Reverse charge.",
        "IBAN CH93 0076 2011 6238 5295 7",
        "received before 2026-10-31 16:00:00.000000 UTC",
        "Page 1 of 1",
    ):
        assert part in text


def test_it_says_what_prepaid_credit_paid_and_what_is_left(make: Make) -> None:
    text = words(invoice_pdf(make(ONE, credits_applied=Decimal("3.00"))))
    assert "Total in USD 3.60 Paid with prepaid credit -3.00 Amount due in USD 0.60" in text
    assert "Amount due USD 0.60" in text


def test_it_is_the_same_to_the_byte_when_made_again(make: Make) -> None:
    invoice = make(ONE)
    first = invoice_pdf(invoice)
    Tenant.objects.update(name="Renamed", timezone="America/New_York")
    assert invoice_pdf(Invoice.objects.get(pk=invoice.pk)) == first


def test_it_is_tagged_and_has_title_author_and_the_date_of_issue(make: Make) -> None:
    found = read(invoice_pdf(make(ONE)))
    assert found.metadata is not None
    assert found.metadata.title == "Invoice INV-2026-000001"
    assert found.metadata.author == "Agents AG"
    assert found.metadata.creation_date is not None
    assert found.metadata.creation_date.date().isoformat() == "2026-11-01"
    root: Any = found.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    metadata = root["/Metadata"].get_data().decode()
    assert "pdfuaid:part>1<" in metadata
    assert "pdfaid:part>2<" in metadata


def test_a_thousand_lines_go_over_many_pages_each_with_the_heads(make: Make) -> None:
    lines = [("tokens", f"Tokens · model-{n}", f"{n}", "0.01", f"{n}.00") for n in range(1, 1001)]
    found = read(invoice_pdf(make(lines)))
    texts = [page.extract_text() for page in found.pages]
    assert len(texts) > 20
    assert all("Unit price" in text and "Amount in USD" in text for text in texts)
    assert f"Page 7 of {len(texts)}" in texts[6].replace("\u00a0", " ")
    rows = [amount for text in texts for amount in re.findall(r"token\s+0\.01\s+([\d,.]+)", text)]
    assert [Decimal(amount.replace(",", "")) for amount in rows] == list(range(1, 1001))
    # 1 + 2 + … + 1000
    assert "500,500.00" in texts[-1]


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [("JPY", "1234567", "1,234,567"), ("EUR", "-0.5", "-0.50"), ("KWD", "1234.5", "1,234.500")],
)
def test_amounts_have_the_decimals_of_their_currency(
    make: Make, currency: str, amount: str, written: str
) -> None:
    text = words(invoice_pdf(make([("pages", "Pages", "1", amount, amount)], currency=currency)))
    assert f"Total in {currency} {written}" in text
    assert text.count(f" {written} ") >= 3


def test_names_in_other_scripts_are_read_back_as_they_were(make: Make) -> None:
    pdf = invoice_pdf(make([("tokens", "Tokens · 通义千问 ひらがな", "1", "1", "1.00")]))
    text = words(pdf)
    assert "通义千问 ひらがな" in text
    assert "株式会社 百度 한국 Ελλάς" in text
    # Written from right to left: a reader puts the letters in its own order.
    assert set("شركة") <= set(text)


def test_what_is_written_like_markup_is_only_text(make: Make) -> None:
    name = '#panic("x") *b* $x$ <l> @r [c] \\n // no'
    assert name in words(invoice_pdf(make([("tokens", f"Tokens · {name}", "1", "1", "1.00")])))


def test_a_script_without_a_font_is_no_reason_to_have_no_invoice(make: Make) -> None:
    assert "3.60" in words(invoice_pdf(make([("tokens", "Tokens · 𐎀𐎁", "1", "1", "3.60")])))


def test_a_draft_and_a_void_invoice_are_stamped_on_every_page(make: Make) -> None:
    lines = [("tokens", f"Tokens · model-{n}", "1", "1", "1.00") for n in range(60)]
    draft = make(lines, status="draft", number=None, finalized_at=None, unpriced=["chip x: none"])
    texts = [page.extract_text() for page in read(invoice_pdf(draft)).pages]
    assert len(texts) > 1
    assert all("DRAFT" in text for text in texts)
    assert "chip x: none" in texts[-1]
    assert "Date of issue" not in texts[0]
    Invoice.objects.filter(pk=draft.pk).update(status="finalized", number="INV-2026-000009")
    Invoice.objects.filter(pk=draft.pk).update(status="void")
    assert "VOID" in words(invoice_pdf(Invoice.objects.get(pk=draft.pk)))


def test_a_credit_note_names_the_invoice_that_it_corrects(make: Make) -> None:
    invoice = make(ONE)
    note = make_draft(invoice.tenant, month=date(2026, 11, 1))
    note.lines.update(
        corrects=invoice,
        description="Correction of 2026-10: Calls",
        amount=Decimal("-1.25"),
        unit_amount=None,
    )
    values = {"kind": "credit_note", "status": "finalized", "number": "CN-2026-000001"}
    totals = {"subtotal": "-1.25", "total": "-1.25", "finalized_at": END}
    Invoice.objects.filter(pk=note.pk).update(**values, **totals)
    text = words(invoice_pdf(Invoice.objects.get(pk=note.pk)))
    assert text.startswith("Credit note CN-2026-000001")
    assert "Corrects INV-2026-000001" in text
    assert "Calls, correction of October 2026 (INV-2026-000001)" in text
    assert "Total in USD -1.25" in text
    assert "in the customer's favour" in text
    assert "Due " not in text


def test_the_command_writes_the_same_bytes(make: Make, manage: Any, tmp_path: Path) -> None:
    invoice = make(ONE)
    file = tmp_path / "x.pdf"
    assert str(file) in manage("invoice_pdf", "INV-2026-000001", "--out", str(file))
    assert file.read_bytes() == invoice_pdf(invoice)
