"""Strict reading of charges and cases: whatever is wrong is an error that names its field."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from billing.rating.money import ZERO, plain

T = TypeVar("T")

# Wide enough for ClickHouse's Decimal(76, 38); what is wider is a mistake or an attack.
_DIGITS = 38
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


class ChargeError(ValueError):
    """A charge or a usage that cannot be rated; the message begins with the field's path."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object of the input, and the path under which it stands there."""

    data: Mapping[str, object]
    path: str

    @classmethod
    def of(cls, value: object, path: str, known: Collection[str]) -> "Fields":
        if not isinstance(value, Mapping):
            raise ChargeError(path or "case", f"must be an object, not {_kind(value)}")
        fields = cls(value, path)
        for name in value:
            if name not in known:
                raise ChargeError(fields.at(str(name)), "is not a known field here")
        return fields

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the field is there; null is the same as absent."""
        return self.data.get(name) is not None

    def required(self, name: str) -> object:
        if name not in self.data:
            raise ChargeError(self.at(name), "is missing")
        return self.data[name]

    def amount(self, name: str) -> Decimal:
        """Read a number that is not negative."""
        return not_negative(self.required(name), self.at(name))

    def amount_or(self, name: str, default: Decimal) -> Decimal:
        return self.amount(name) if self.has(name) else default

    def optional_amount(self, name: str) -> Decimal | None:
        return self.amount(name) if self.has(name) else None

    def optional(self, name: str, parse: Callable[[object, str], T]) -> T | None:
        """Let `parse` read the value and its path, if it is there."""
        return parse(self.data[name], self.at(name)) if self.has(name) else None

    def positive(self, name: str) -> Decimal:
        number = self.amount(name)
        if number == ZERO:
            raise ChargeError(self.at(name), "must be above 0")
        return number

    def flag(self, name: str) -> bool:
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            raise ChargeError(self.at(name), f"must be true or false, not {_kind(value)}")
        return bool(value)

    def choice(self, name: str, choices: Collection[str]) -> str:
        value = self.required(name)
        if not isinstance(value, str) or value not in choices:
            raise ChargeError(self.at(name), f"must be one of {', '.join(choices)}")
        return value

    def items(self, name: str) -> Iterator[tuple[str, object]]:
        """Go through a list, each item with its path."""
        value = self.required(name)
        if not isinstance(value, list | tuple):
            raise ChargeError(self.at(name), f"must be a list, not {_kind(value)}")
        return ((f"{self.at(name)}[{n}]", item) for n, item in enumerate(value))


def not_negative(value: object, path: str) -> Decimal:
    """Read a decimal string or a whole number, which must not be negative."""
    return checked(_decimal(value, path), path)


def checked(number: Decimal, path: str) -> Decimal:
    """Refuse what is no finite number of bearable length, or is below zero."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ChargeError(path, f"must be a finite number, not {number}")
    if number.adjusted() >= _DIGITS or exponent < -_DIGITS:
        raise ChargeError(path, f"must have at most {_DIGITS} digits before and after the point")
    if number < ZERO:
        raise ChargeError(path, f"must not be negative, but is {plain(number)}")
    return number


def _decimal(value: object, path: str) -> Decimal:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ChargeError(path, f"is not a decimal number: {value[:40]!r}")
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ChargeError(path, f'must be a decimal string such as "0.5", not {_kind(value)}')


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float | Decimal):
        return "a number with a fraction or an exponent"
    kinds = {int: "a number", str: "a string", list: "a list", tuple: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)
