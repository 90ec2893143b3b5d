"""What a quantity costs under a charge that is being edited: rated as an invoice would be."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.forms.charge_form import ChargeForm
from billing.models import PlanVersion
from billing.rating.case import rate_case
from billing.rating.errors import ChargeError
from billing.rating.money import plain, round_money


@dataclass(frozen=True, slots=True)
class Preview:
    """An amount with the lines that explain it, or why there is none."""

    quantity: str
    currency: str = ""
    amount: str = ""
    rounded: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


def preview(form: ChargeForm, quantity: str, events: str = "") -> Preview:
    """Rate a quantity, or events of so much each, by what the form says."""
    form.is_valid()
    wrong = form.charge_errors()
    parts = [part for part in events.replace(",", " ").split() if part]
    if wrong:
        return Preview(quantity, problem=_first(wrong))
    case: dict[str, Any] = {"charge": form.instance.charge, "quantity": quantity.strip() or "0"}
    if parts:
        case["events"] = parts
        case["quantity"] = _sum(parts) or case["quantity"]
    try:
        rated: Any = rate_case(case)
    except ChargeError as error:
        return Preview(quantity, problem=str(error))
    currency = _currency(form)
    amount = Decimal(rated["amount"])
    rounded = plain_money(amount, currency) if currency else ""
    return Preview(case["quantity"], currency, rated["amount"], rounded, rated["lines"])


def plain_money(amount: Decimal, currency: str) -> str:
    """Rounded as a line of an invoice is, with the digits of the currency."""
    return f"{round_money(amount, currency):,f}"


def _currency(form: ChargeForm) -> str:
    version: PlanVersion | None = form.cleaned_data.get("version")
    return version.plan.currency if version else ""


def _first(errors: dict[str, list[str]]) -> str:
    said = errors.get("__all__") or next(iter(errors.values()))
    return said[0]


def _sum(parts: list[str]) -> str:
    try:
        return plain(sum(map(Decimal, parts), Decimal(0)))
    except ArithmeticError:
        return ""
