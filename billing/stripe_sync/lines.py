"""An invoice's lines as Stripe takes them: whole amounts that sum to what is due, to the cent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO, plain
from billing.stripe_sync.amounts import NotRepresentableError, to_stripe

# Stripe takes 250 lines on an invoice; two are kept for tax and credits.
MOST_LINES = 248
_MOST_TEXT = 500
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Amounts:
    """A line as it is told: its place names it when a push is taken up again."""

    place: str
    description: str
    amount: int
    more: Params


def stripe_lines(invoice: Invoice) -> list[Params]:
    """All of them, tax and credits as their own. Raises NotRepresentableError.

    More than Stripe takes are summed by charge. Where Stripe's amounts are too coarse for the
    lines but not for the whole, as in currencies of three decimals, there is one line.
    """
    due = to_stripe(invoice.amount_due, invoice.currency)
    try:
        lines = [*_own(invoice), *_rest(invoice)]
    except NotRepresentableError:
        lines = [_Amounts("all", f"Invoice {invoice.number}, tax included", due, {})]
    return [_params(line) for line in lines]


def _own(invoice: Invoice) -> Iterator[_Amounts]:
    lines = list(invoice.lines.order_by("position"))
    if len(lines) <= MOST_LINES:
        for line in lines:
            yield _line(line, invoice)
        return
    by_code: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        by_code.setdefault(line.code, []).append(line)
    for n, (code, some) in enumerate(by_code.items()):
        if n + 1 == MOST_LINES and len(by_code) > MOST_LINES:
            rest = [line for group in list(by_code.values())[n:] for line in group]
            yield _sum("others", "Other charges", rest, invoice)
            return
        yield _sum(f"code {code}", some[0].description if len(some) == 1 else code, some, invoice)


def _line(line: InvoiceLine, invoice: Invoice) -> _Amounts:
    unit_amount = "" if line.unit_amount is None else f" × {plain(line.unit_amount)}"
    described = f"{line.description} ({plain(line.quantity)} {line.unit}{unit_amount})"
    amount = to_stripe(line.amount, invoice.currency)
    # Stripe's periods include their last second.
    start, end = int(line.period_start.timestamp()), int(line.period_end.timestamp()) - 1
    period = {"start": start, "end": max(start, end)}
    return _Amounts(str(line.position), described, amount, {"period": period})


def _sum(place: str, description: str, lines: list[InvoiceLine], invoice: Invoice) -> _Amounts:
    amount = ZERO
    for line in lines:
        amount = EXACT.add(amount, line.amount)
    described = f"{description} ({len(lines)} lines)"
    return _Amounts(place, described, to_stripe(amount, invoice.currency), {})


def _rest(invoice: Invoice) -> Iterator[_Amounts]:
    """What stands between the lines and what is due."""
    if invoice.tax:
        tax = to_stripe(invoice.tax, invoice.currency)
        yield _Amounts("tax", f"Tax {plain(invoice.tax_percent)} %", tax, {})
    credit = EXACT.subtract(invoice.amount_due, invoice.total)
    if credit:
        yield _Amounts("credits", "Prepaid credits", to_stripe(credit, invoice.currency), {})


def _params(line: _Amounts) -> Params:
    return {
        "description": line.description[:_MOST_TEXT],
        "amount": line.amount,
        "metadata": {"daybook_line": line.place},
        **line.more,
    }
