"""QuickBooks Online's import of journal entries: accounts by name.

The side without an amount is blank, and a line on receivables names the customer.
"""

from collections.abc import Iterator

from billing.exports.csv_writer import Amount, Cell
from billing.exports.journals.entry import Entry

COLUMNS = (
    "JournalNo",
    "JournalDate",
    "AccountName",
    "Debits",
    "Credits",
    "Description",
    "Name",
    "Location",
    "Class",
    "Currency",
)


def rows(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """The rows of an entry; its number is that of the invoice, which is short enough."""
    customer = entry.tenant.name or entry.tenant.slug
    for line in entry.lines:
        yield (
            entry.number,
            f"{entry.date:%m/%d/%Y}",
            line.account.name,
            line.debit and Amount(line.debit),
            line.credit and Amount(line.credit),
            line.memo,
            customer if line.receivable else None,
            None,
            None,
            entry.currency,
        )
