"""A journal entry of who issues the invoices: debits above 0, credits below, 0 in sum."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.exports.accounts import Account, account
from billing.rating.money import EXACT, ONE, ROUNDED, ZERO, minor_units
from metering.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """An amount on an account: a debit above 0, a credit below."""

    account: Account
    amount: Decimal
    memo: str
    charge: str = ""
    # Whether the account is one of customers, who then has to be named.
    receivable: bool = False

    @property
    def debit(self) -> Decimal | None:
        return self.amount if self.amount > ZERO else None

    @property
    def credit(self) -> Decimal | None:
        return -self.amount if self.amount < ZERO else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is booked of one document at one time, in one currency."""

    # Of no other entry, whatever month it is in, and short enough for any system.
    number: str
    date: date
    month: str
    currency: str
    tenant: Tenant
    lines: tuple[EntryLine, ...]

    @property
    def narration(self) -> str:
        """What tells it from all others where there is no number."""
        return f"{self.number} {self.tenant.name or self.tenant.slug} {self.month}"

    @property
    def id(self) -> str:
        """The same whenever it is exported: whoever imports by it never books twice."""
        return f"journal-{self.month}-{self.tenant.slug}-{self.number}"


def fitted(entry: Entry, most_places: int) -> Entry:
    """The entry in at most so many decimals; what that moves goes to the rounding account."""
    if minor_units(entry.currency) <= most_places:
        return entry
    coin = ONE.scaleb(-most_places, ROUNDED)
    lines = [
        replace(line, amount=line.amount.quantize(coin, context=ROUNDED)) for line in entry.lines
    ]
    rest = ZERO
    for line in lines:
        rest = EXACT.add(rest, line.amount)
    if rest:
        lines.append(
            EntryLine(account=account("rounding"), amount=-rest, memo=f"Rounding to {coin}")
        )
    return replace(entry, lines=tuple(line for line in lines if line.amount))
