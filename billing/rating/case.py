"""Cases in JSON, as `manage.py rate` reads them: a charge and a usage in, amount and lines out."""

import json
from decimal import Decimal

from billing.rating.charge import parse_charge
from billing.rating.charge_models.burst import PRICED_ELSEWHERE, Burst
from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ZERO, plain
from billing.rating.numeric import not_negative
from billing.rating.rate import rate
from billing.rating.units import UsageToRate

_USAGE = ("quantity", "already_rated", "events", "buckets")
# What a file of worked examples says about a case; it has no bearing on the amount.
_ABOUT = ("id", "source", "amount", "note")


def rate_json(text: bytes) -> list[dict[str, object]]:
    """Rate every case of a JSON array; ValueError if the text is not one."""
    try:
        # A fraction arrives as Decimal, which the fields refuse by name; no float ever arises.
        cases = json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The input is not JSON: {error}.") from error
    if not isinstance(cases, list):
        raise ValueError("The input must be a JSON array of cases.")
    return [_result(case) for case in cases]


def rate_case(case: object) -> dict[str, object]:
    """Rate one case; what is wrong raises ChargeError with the path of the field."""
    fields = Fields.of(case, "", ("charge", *_USAGE, *_ABOUT))
    charge = parse_charge(fields.required("charge"))
    if isinstance(charge.model, Burst):
        raise ChargeError("charge.model", PRICED_ELSEWHERE)
    rated = rate(charge, _usage(fields))
    return {"amount": plain(rated.amount), "lines": [_line(line) for line in rated.lines]}


def _result(case: object) -> dict[str, object]:
    try:
        return rate_case(case)
    except ChargeError as error:
        return {"error": str(error)}


def _usage(fields: Fields) -> UsageToRate:
    buckets = _numbers(fields, "buckets")
    return UsageToRate(
        quantity=fields.amount("quantity")
        if buckets is None
        else fields.amount_or("quantity", ZERO),
        already_rated=fields.amount_or("already_rated", ZERO),
        events=_numbers(fields, "events"),
        buckets=buckets,
    )


def _numbers(fields: Fields, name: str) -> tuple[Decimal, ...] | None:
    if not fields.has(name):
        return None
    return tuple(not_negative(item, path) for path, item in fields.items(name))


def _line(line: RatedLine) -> dict[str, object]:
    return {
        "key": line.key,
        "description": line.description,
        "quantity": plain(line.quantity),
        "unit_amount": None if line.unit_amount is None else plain(line.unit_amount),
        "amount": plain(line.amount),
    }


def _whole(digits: str) -> int | Decimal:
    # int() fails on thousands of digits; as Decimal they are refused in their own case.
    return int(digits) if len(digits) <= 100 else Decimal(digits)
