"""An invoice as a journal entry of who issued it: debits above 0, credits below, 0 in sum."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.exports.accounts import Account, account
from billing.exports.invoice_rows import invoices_with_lines
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ONE, ROUNDED, ZERO, minor_units
from metering.models import Tenant

Kind = InvoiceLine.Kind
# Of each of these there is a document; a draft is none yet, and a void one is none any more.
BOOKED = (Invoice.Status.FINALIZED, Invoice.Status.PAID, Invoice.Status.UNCOLLECTIBLE)


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
    """The entry of one invoice or credit note, in one currency."""

    number: str
    date: date
    month: str
    currency: str
    tenant: Tenant
    narration: str
    lines: tuple[EntryLine, ...]

    @property
    def id(self) -> str:
        """The same whenever it is exported: whoever imports by it never books twice."""
        return f"journal-{self.month}-{self.tenant.slug}-{self.number}"


def entries(tenants: Iterable[Tenant], month: str) -> Iterator[Entry]:
    """The entries of a month, tenant by tenant."""
    for tenant in tenants:
        for invoice, lines in invoices_with_lines(tenant, month):
            if invoice.status in BOOKED and (entry := _entry(tenant, invoice, lines)).lines:
                yield entry


def _entry(tenant: Tenant, invoice: Invoice, lines: Iterator[InvoiceLine]) -> Entry:
    number, customer = str(invoice.number), tenant.name or tenant.slug
    what = invoice.get_kind_display()
    found = [
        EntryLine(
            account=account("receivable"),
            amount=invoice.amount_due,
            memo=f"{what} {number}",
            receivable=True,
        ),
        EntryLine(
            account=account("prepaid"),
            amount=invoice.credits_applied,
            memo=f"Prepaid credit on {number}",
        ),
        *_of_charges(lines),
        EntryLine(account=account("tax"), amount=-invoice.tax, memo=f"Tax on {number}"),
    ]
    return Entry(
        number=number,
        date=_last_day(invoice, tenant.timezone),
        month=f"{invoice.month:%Y-%m}",
        currency=invoice.currency,
        tenant=tenant,
        narration=f"{number} {customer} {invoice.month:%Y-%m}",
        lines=tuple(line for line in found if line.amount),
    )


def _of_charges(lines: Iterable[InvoiceLine]) -> Iterator[EntryLine]:
    """A line for each charge, and one for what it corrects of each earlier invoice."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for line in lines:
        what = "discount" if line.kind == Kind.COUPON else "revenue"
        key = (what, line.code, str(line.corrects.number) if line.corrects else "")
        sums[key] = EXACT.add(sums.get(key, ZERO), line.amount)
    for (what, code, corrects), amount in sums.items():
        memo = f"{code}, correction of {corrects}" if corrects else code
        yield EntryLine(account=account(what, code), amount=-amount, memo=memo, charge=code)


def _last_day(invoice: Invoice, zone: str) -> date:
    """Revenue belongs to the month that was billed, whenever the invoice was made."""
    return (invoice.period_end.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)).date()


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
