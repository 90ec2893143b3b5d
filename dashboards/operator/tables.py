"""What the operator's pages are made of: figures on top, tables with links below."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.rating.money import EXACT, ZERO
from dashboards import formats

Cell = str | SafeString


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; texts stand left, numbers right."""

    name: str
    text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under its title; `nothing` teaches the next step where it is empty."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    nothing: Cell = ""
    anchor: str = ""

    @property
    def lines(self) -> list[list[tuple[Cell, bool]]]:
        """Each cell with whether it is a text."""
        return [
            [(cell, column.text) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure at the top and what it is made of."""

    name: str
    figure: str
    note: Cell = ""


@dataclass(slots=True)
class Sums:
    """Amounts by currency: two of them are never added up."""

    by_currency: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, amount: Decimal) -> None:
        before = self.by_currency.get(currency, ZERO)
        self.by_currency[currency] = EXACT.add(before, amount)

    def __str__(self) -> str:
        amounts = sorted(self.by_currency.items())
        return " · ".join(formats.money(amount, name) for name, amount in amounts) or formats.NONE


def link(url: str, text: object) -> SafeString:
    """A door to what is behind a figure."""
    return format_html('<a href="{}">{}</a>', url, text)


def pill(text: str, look: str = "") -> SafeString:
    """A word that says how something stands; `look` is good, warn or bad."""
    return format_html('<span class="pill {}">{}</span>', look, text)


def money_or(amount: Decimal | None, currency: str) -> Cell:
    """An amount, or that it is not known because something has no price."""
    return pill("unpriced", "warn") if amount is None else formats.money(amount, currency)
