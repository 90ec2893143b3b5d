"""What a plan charges over a part of a period, as the terms of an invoice keep it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from metering.usage.period import Period


class ChargeTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A charge as the plan or the tenant has it; no meter for a burst charge.

    It has bounds where a tenant's own charge begins or ends while the plan's version goes on.
    """

    code: str
    meter: dict[str, Any] | None
    charge: dict[str, Any]
    start: datetime | None = None
    end: datetime | None = None


class FeeItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fee as the plan has it."""

    code: str
    amount: Decimal
    interval: str
    in_advance: bool
    prorate: str
    description: str = ""


class AllowanceTerms(Struct, frozen=True, kw_only=True):
    """Free units of a month that some charges share."""

    code: str
    charges: list[str]
    units: Decimal
    prorate: str


class PlanTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in force over a part of the period."""

    plan: str
    currency: str
    valid_from: date
    start: datetime
    end: datetime
    charges: list[ChargeTerms]
    fees: list[FeeItem] = []
    minimum_commitment: Decimal | None = None
    allowances: list[AllowanceTerms] = []

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)

    def period_of(self, charge: ChargeTerms) -> Period:
        """When a charge of the plan is in force."""
        return Period(charge.start or self.start, charge.end or self.end)
