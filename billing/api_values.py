"""How the values of a row are written in an answer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.rating.money import plain


def fields(source: object, names: Iterable[str]) -> dict[str, Any]:
    """Attributes by name."""
    return {name: value(getattr(source, name)) for name in names}


def value(given: object) -> object:
    """Decimals as strings, moments as ISO 8601 in UTC, all else as it is."""
    if isinstance(given, Decimal):
        return plain(given)
    if isinstance(given, datetime):
        return given.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return given


def money(amount: Decimal) -> str:
    """An amount with its currency's digits, as it was rounded."""
    return f"{amount:f}"
