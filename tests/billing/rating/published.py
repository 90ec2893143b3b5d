"""Worked examples that billing systems publish: prices, a quantity, and what they say it costs."""

from decimal import Decimal
from typing import Any

Case = tuple[str, dict[str, Any], dict[str, Any], str]


def tiers(*rows: tuple[str | None, str, str], price: str = "unit_amount") -> list[dict[str, Any]]:
    return [{"up_to": up_to, price: unit, "flat_amount": flat} for up_to, unit, flat in rows]


def tiered(model: str, *rows: tuple[str | None, str, str], **more: Any) -> dict[str, Any]:
    return {"model": model, "tiers": tiers(*rows), **more}


def units(quantity: str) -> dict[str, Any]:
    return {"quantity": quantity}


def each(*events: str) -> dict[str, Any]:
    return {"quantity": str(sum(map(Decimal, events))), "events": list(events)}


# getlago.com/docs/guide/plans/charges/charge-models/…
LAGO_GRADUATED = tiered("graduated", ("100", "1", "0"), ("200", "0.5", "0"), (None, "0.1", "0"))
LAGO_VOLUME = tiered(
    "volume",
    ("10000", "0.0010", "10"),
    ("50000", "0.0008", "10"),
    ("100000", "0.0006", "10"),
    (None, "0.0004", "10"),
)
LAGO_SHARES = {
    "model": "graduated_percentage",
    "tiers": tiers(
        ("1000", "1", "200"), ("10000", "2", "300"), (None, "3", "400"), price="rate_percent"
    ),
}
LAGO_TRANSFER = {"model": "percentage", "rate_percent": "1.2", "fixed_amount_per_event": "0.10"}
# docs.useautumn.com/documentation/modelling-pricing/graduated-pricing
AUTUMN = tiered("graduated", ("1000", "0.01", "0"), ("10000", "0.008", "0"), (None, "0.005", "0"))
# zuplo.com/docs/articles/monetization/pricing-models, which is OpenMeter's catalogue
ZUPLO = (("1000", "0.10", "0"), ("10000", "0.05", "0"), (None, "0.01", "0"))
# docs.oracle.com, "Examples for Tier Based Amount"
ORACLE = (("250", "1", "0"), ("500", "2", "0"), (None, "3", "0"))
ORACLE_FLAT = (("250", "0", "10"), ("500", "0", "20"), (None, "0", "30"))
# docs.oracle.com, "Tiered and Non Tiered Usage Calculation"
CYCLE = (("49", "4", "0"), (None, "5", "0"))
# docs.stripe.com/billing/subscriptions/usage-based/transform-quantities
STRIPE_USERS = {"model": "package", "package_size": "5", "package_amount": "10"}
STRIPE_HOURS = {
    "model": "per_unit",
    "unit_amount": "10",
    "unit_conversion": {"divide_by": "60", "rounding": "ceiling"},
}
# chargebee.com/docs/billing/2.0/product-catalog/package-pricing
CHARGEBEE = {"model": "package", "package_size": "1000000", "package_amount": "1.25"}
# docs.flexprice.io/docs/product-catalogue/plans/billing-models
FLEXPRICE_PACKAGES = tiered(
    "volume", ("1000", "0", "50"), ("5000", "0", "200"), ("10000", "0", "350"), (None, "0", "350")
)

CASES: list[Case] = [
    ("Lago graduated, first tier full", LAGO_GRADUATED, units("100"), "100"),
    ("Lago graduated, two tiers full", LAGO_GRADUATED, units("200"), "150"),
    ("Lago graduated, any additional unit", LAGO_GRADUATED, units("201"), "150.1"),
    ("Lago volume, 65,000 calls", LAGO_VOLUME, units("65000"), "49"),
    ("Lago volume, the last of the first tier", LAGO_VOLUME, units("10000"), "20"),
    ("Lago shares, 500 first", LAGO_SHARES, units("500"), "205"),
    (
        "Lago shares, 550 after 500",
        LAGO_SHARES,
        {"quantity": "550", "already_rated": "500"},
        "306",
    ),
    (
        "Lago shares, 4,000 after 1,050",
        LAGO_SHARES,
        {"quantity": "4000", "already_rated": "1050"},
        "80",
    ),
    ("Lago transfer, the fourth", LAGO_TRANSFER, each("50"), "0.7"),
    (
        "Lago transfers, four that are charged",
        LAGO_TRANSFER,
        each("200", "100", "100", "50"),
        "5.8",
    ),
    ("Autumn graduated, 15,000 requests", AUTUMN, units("15000"), "107"),
    ("Zuplo per unit", {"model": "per_unit", "unit_amount": "0.001"}, units("100000"), "100"),
    ("Zuplo graduated", tiered("graduated", *ZUPLO), units("15000"), "600"),
    ("Zuplo volume", tiered("volume", *ZUPLO), units("15000"), "150"),
    ("Oracle tiers by unit", tiered("graduated", *ORACLE), units("1000"), "2250"),
    ("Oracle tiers by slab", tiered("graduated", *ORACLE_FLAT), units("1000"), "60"),
    ("Oracle variable by unit", tiered("volume", *ORACLE), units("1000"), "3000"),
    ("Oracle variable by slab", tiered("volume", *ORACLE_FLAT), units("1000"), "30"),
    ("Oracle cycle, tiered", tiered("graduated", *CYCLE), units("51"), "206"),
    ("Oracle cycle, not tiered", tiered("volume", *CYCLE), units("51"), "255"),
    *[
        (f"Stripe, {users} users", STRIPE_USERS, units(users), amount)
        for users, amount in (("1", "10"), ("3", "10"), ("5", "10"), ("6", "20"), ("7", "20"))
    ],
    ("Stripe, 150 minutes are 3 hours", STRIPE_HOURS, units("150"), "30"),
    ("Chargebee, 10 tokens", CHARGEBEE, units("10"), "1.25"),
    ("Chargebee, a full package", CHARGEBEE, units("1000000"), "1.25"),
    ("Chargebee, a package and a half", CHARGEBEE, units("1500000"), "2.5"),
    ("Flexprice package, 4,500 messages", FLEXPRICE_PACKAGES, units("4500"), "200"),
    ("Flexprice package, 1,500 messages", FLEXPRICE_PACKAGES, units("1500"), "200"),
    (
        "Flexprice slab by package in a tier of 1.00 for 1,000",
        {"model": "package", "package_size": "1000", "package_amount": "1.00"},
        units("4500"),
        "5",
    ),
]
