"""Short ways to write worked examples of ratings."""

from collections.abc import Mapping
from decimal import Decimal

from billing.rating.case import rate_case
from billing.rating.charge import parse_charge
from billing.rating.rate import Rated, rate
from billing.rating.units import UsageToRate


def amount(charge: Mapping[str, object], quantity: object = None, **usage: object) -> str:
    return str(result(charge, quantity, **usage)["amount"])


def lines(
    charge: Mapping[str, object], quantity: object = None, **usage: object
) -> list[tuple[str, str, str]]:
    """Key, quantity and amount of each line."""
    explained = result(charge, quantity, **usage)["lines"]
    assert isinstance(explained, list)
    return [(line["key"], line["quantity"], line["amount"]) for line in explained]


def result(charge: Mapping[str, object], quantity: object, **usage: object) -> dict[str, object]:
    if quantity is not None:
        usage["quantity"] = quantity
    return rate_case({"charge": charge, **usage})


def rated(
    charge: Mapping[str, object], quantity: Decimal | int, already: Decimal | int = 0
) -> Rated:
    usage = UsageToRate(Decimal(quantity), already_rated=Decimal(already))
    return rate(parse_charge(charge), usage)


def tiers(
    *rows: tuple[str | None, str, str], price: str = "unit_amount"
) -> list[dict[str, object]]:
    return [{"up_to": up_to, price: unit, "flat_amount": flat} for up_to, unit, flat in rows]
