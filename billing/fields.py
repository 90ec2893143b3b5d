"""Database columns that keep every digit of a decimal."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# Generic in its type hints only.
if TYPE_CHECKING:
    _Field = models.Field[Decimal, Decimal]
    _OptionalField = models.Field[Decimal | None, Decimal | None]
else:
    _Field = _OptionalField = models.Field


class _ExactDecimal:
    """Any number of digits: `numeric` without bounds in PostgreSQL, text in SQLite.

    SQLite keeps Django's DecimalField as a double, which has 15 digits. Text does not sort or add
    up in SQL, so neither is ever asked of these columns.
    """

    name: str

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric" if connection.vendor == "postgresql" else "text"

    def from_db_value(
        self, value: str | Decimal | None, expression: object, connection: BaseDatabaseWrapper
    ) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: object) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, str | int):
            return self._finite(value)
        raise ValidationError(f"{self.name}: {value!r} is no exact number; write a string")

    def get_prep_value(self, value: object) -> Decimal | None:
        return self.to_python(value)

    def get_db_prep_value(
        self, value: object, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Decimal | str | None:
        number = self.to_python(value)
        if number is None or connection.vendor == "postgresql":
            return number
        return f"{number:f}"

    def _finite(self, value: str | int) -> Decimal:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ValidationError(f"{self.name}: {value!r} is not a decimal number") from None
        if not number.is_finite():
            raise ValidationError(f"{self.name}: {value} is not finite")
        return number


class ExactDecimalField(_ExactDecimal, _Field):
    """A decimal that is always there."""


class OptionalDecimalField(_ExactDecimal, _OptionalField):
    """A decimal or null."""
