"""What FOCUS 1.2 says of a row, as a table of rules; in its words where they are short."""

import json
import re
from collections.abc import Callable
from decimal import Decimal

from billing.rating.money import EXACT

Row = dict[str, str]
_NUMBER = re.compile(r"-?\d+\.\d+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NEVER_NULL = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
)
NUMBERS = (
    "BilledCost",
    "CommitmentDiscountQuantity",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
    "x_AgentDays",
    "x_TaskCount",
    "x_TokenCount",
)
MOMENTS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "CommitmentDiscountCategory": {"", "Spend", "Usage"},
    "CommitmentDiscountStatus": {"", "Used", "Unused"},
    "PricingCategory": {"", "Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning", "Compute"},
}
PARENTS = {
    "AI Platforms": "AI and Machine Learning",
    "Generative AI": "AI and Machine Learning",
    "Other (Compute)": "Compute",
}
OF_A_PRICE = ("PricingQuantity", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory")
OF_A_SKU = ("SkuId", "SkuPriceId")


def is_due(row: Row) -> bool:
    """A row for which quantity, price and SKU must be told."""
    return row["ChargeCategory"] in {"Usage", "Purchase"} and not row["ChargeClass"]


def product(row: Row, price: str, cost: str) -> bool:
    if not row[price] or not row["PricingQuantity"]:
        return True
    return EXACT.multiply(Decimal(row[price]), Decimal(row["PricingQuantity"])) == Decimal(
        row[cost]
    )


def flat(text: str) -> bool:
    return not text or all(not isinstance(v, dict | list) for v in json.loads(text).values())


RULES: dict[str, Callable[[Row], bool]] = {
    "never null": lambda row: all(row[name] for name in NEVER_NULL),
    "numeric format": lambda row: all(not row[n] or _NUMBER.fullmatch(row[n]) for n in NUMBERS),
    "date/time format": lambda row: all(_MOMENT.fullmatch(row[name]) for name in MOMENTS),
    "currency format": lambda row: bool(re.fullmatch("[A-Z]{3}", row["BillingCurrency"])),
    "allowed values": lambda row: all(row[n] in allowed for n, allowed in ALLOWED.items()),
    "one parent category": lambda row: PARENTS[row["ServiceSubcategory"]] == row["ServiceCategory"],
    "a period ends after it starts": lambda row: (
        row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        and row["BillingPeriodStart"] < row["BillingPeriodEnd"]
    ),
    # A fee may be paid before its month, or be given back after it.
    "in the billing period unless a correction or a recurring fee": lambda row: (
        row["ChargeClass"] == "Correction"
        or row["ChargeFrequency"] == "Recurring"
        or (
            row["BillingPeriodStart"] <= row["ChargePeriodStart"]
            and row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        )
    ),
    "a purchase is not usage-based": lambda row: (
        row["ChargeCategory"] != "Purchase" or row["ChargeFrequency"] != "Usage-Based"
    ),
    "a tax has no quantity, price or SKU": lambda row: (
        row["ChargeCategory"] != "Tax"
        or not any(row[n] for n in (*OF_A_PRICE, *OF_A_SKU, "PricingUnit", "ConsumedQuantity"))
    ),
    "usage and purchases have quantity, price and SKU": lambda row: (
        not is_due(row) or all(row[name] for name in (*OF_A_PRICE, *OF_A_SKU))
    ),
    "a unit with every quantity": lambda row: (
        bool(row["PricingUnit"]) == bool(row["PricingQuantity"])
        and bool(row["ConsumedUnit"]) == bool(row["ConsumedQuantity"])
    ),
    "only usage is consumed, unless it is unused": lambda row: (
        bool(row["ConsumedQuantity"])
        == (row["ChargeCategory"] == "Usage" and row["CommitmentDiscountStatus"] != "Unused")
    ),
    "a price is not below 0": lambda row: Decimal(row["ContractedUnitPrice"] or 0) >= 0,
    "quantity × contracted price = cost": lambda row: product(
        row, "ContractedUnitPrice", "ContractedCost"
    ),
    "quantity × list price = cost": lambda row: product(row, "ListUnitPrice", "ListCost"),
    "a commitment is told whole or not at all": lambda row: (
        len({bool(v) for n, v in row.items() if n.startswith("CommitmentDiscount")}) == 1
    ),
    "committed is what a commitment is charged": lambda row: (
        (row["PricingCategory"] == "Committed") <= bool(row["CommitmentDiscountId"])
    ),
    "a resource has a type": lambda row: bool(row["ResourceId"]) == bool(row["ResourceType"]),
    "a price has one SKU": lambda row: bool(row["SkuId"]) == bool(row["SkuPriceId"]),
    "tags and details are flat": lambda row: flat(row["Tags"]) and flat(row["SkuPriceDetails"]),
    "details have keys of ours": lambda row: all(
        key.startswith("x_") for key in json.loads(row["SkuPriceDetails"] or "{}")
    ),
}


def broken(rows: list[Row]) -> list[str]:
    """The rules that rows break, each with the line of the file."""
    return [
        f"line {number}: {name}: {row}"
        for number, row in enumerate(rows, start=2)
        for name, holds in RULES.items()
        if not holds(row)
    ]
