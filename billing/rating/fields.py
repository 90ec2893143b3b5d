"""Strict reading of charges and cases: whatever is wrong is an error that names its field."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from billing.rating.errors import ChargeError
from billing.rating.money import ZERO
from billing.rating.numeric import kind, not_negative

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object of the input, and the path under which it stands there."""

    data: Mapping[str, object]
    path: str

    @classmethod
    def of(cls, value: object, path: str, known: Collection[str]) -> "Fields":
        if not isinstance(value, Mapping):
            raise ChargeError(path or "case", f"must be an object, not {kind(value)}")
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
            raise ChargeError(self.at(name), f"must be true or false, not {kind(value)}")
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
            raise ChargeError(self.at(name), f"must be a list, not {kind(value)}")
        return ((f"{self.at(name)}[{n}]", item) for n, item in enumerate(value))
