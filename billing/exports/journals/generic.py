"""A journal for any bookkeeping: a row for each line, accounts by code and name."""

from collections.abc import Iterator

from billing.exports.csv_writer import Amount, Cell
from billing.exports.journals.entry import Entry

COLUMNS = (
    "journal",
    "date",
    "tenant",
    "invoice",
    "account",
    "account_name",
    "debit",
    "credit",
    "currency",
    "memo",
    "charge",
)


def rows(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """The rows of an entry."""
    for line in entry.lines:
        yield (
            entry.id,
            entry.date,
            entry.tenant.slug,
            entry.number,
            line.account.code,
            line.account.name,
            line.debit and Amount(line.debit),
            line.credit and Amount(line.credit),
            entry.currency,
            line.memo,
            line.charge or None,
        )
