"""Computes a finalized invoice again from raw events and compares it to the cent."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from django.conf import settings

from billing.bill import Bill, compute_bill
from billing.burst_balances import RecountedBalances
from billing.corrections import corrected_from_json
from billing.invoice_rows import LINE_COLUMNS, invoice_line
from billing.models import Invoice
from billing.prepaid.queries import differences
from billing.terms import Terms

# Whatever is written of a line is proved; its position is that of the comparison.
_LINE_FIELDS = tuple(
    "corrects_id" if name == "corrects" else name for name in LINE_COLUMNS if name != "position"
)
_TOTALS = ("subtotal", "tax", "total")


def verify_invoice(invoice: Invoice) -> list[str]:
    """What differs, a sentence each; nothing when the invoice is proved."""
    terms = Terms.from_json(invoice.snapshot["terms"])
    corrected = corrected_from_json(invoice.tenant, invoice.snapshot["corrected"])
    # No balance that was kept is trusted: the proof counts credits from the contract's start.
    balances = RecountedBalances()
    bill = compute_bill(invoice.tenant, terms, corrected, invoice.watermark, balances)
    return [
        *_settings(terms),
        *_lines(invoice, bill),
        *_totals(invoice, bill),
        *differences(invoice),
    ]


def _settings(terms: Terms) -> Iterator[str]:
    for name, then in (
        ("DAA_MIN_TASKS", terms.daa_min_tasks),
        ("REUSE_WINDOW_SECONDS", terms.reuse_window_seconds),
    ):
        if getattr(settings, name) != then:
            yield f"{name} is {getattr(settings, name)} now, and was {then} for this invoice"


def _lines(invoice: Invoice, bill: Bill) -> Iterator[str]:
    computed = [invoice_line(invoice, n, item) for n, item in enumerate(bill.lines, start=1)]
    stored = list(invoice.lines.order_by("position"))
    for n, (line, again) in enumerate(zip_longest(stored, computed), start=1):
        if again is None:
            yield f"line {n} {line.code}: invoiced {line.amount}, but computed again there is none"
        elif line is None:
            yield f"line {n} {again.code}: {again.amount} computed again, but it was not invoiced"
        else:
            differences = [
                f"{name} {_say(getattr(line, name))}, computed {_say(getattr(again, name))}"
                for name in _LINE_FIELDS
                if getattr(line, name) != getattr(again, name)
            ]
            if differences:
                yield f"line {n} {line.code}: {'; '.join(differences)}"


def _totals(invoice: Invoice, bill: Bill) -> Iterator[str]:
    for name in _TOTALS:
        stored, computed = getattr(invoice, name), getattr(bill, name)
        if stored != computed:
            yield f"{name} {stored}, computed {computed}"


def _say(value: Any) -> str:
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)
