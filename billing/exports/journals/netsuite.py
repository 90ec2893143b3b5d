"""NetSuite's import of journal entries: an External ID never imported twice, two decimals."""

from collections.abc import Iterator

from django.conf import settings

from billing.exports.csv_writer import Amount, Cell
from billing.exports.journals.entry import Entry, fitted

COLUMNS = (
    "External ID",
    "Subsidiary",
    "Currency",
    "Exchange Rate",
    "Date",
    "Posting Period",
    "Memo",
    "Reversal Date",
    "Approved",
    "Account",
    "Debit",
    "Credit",
    "Line Memo",
    "Name",
    "Department",
    "Class",
    "Location",
    "Tax Code",
)
PLACES = 2
# Ten digits before the point.
MOST = 10**10


def rows(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """The rows of an entry; NetSuite's own rate and approval apply where they are empty."""
    for line in fitted(entry, PLACES).lines:
        yield (
            entry.id,
            settings.JOURNAL_NETSUITE_SUBSIDIARY or None,
            entry.currency,
            None,
            f"{entry.date:%m/%d/%Y}",
            f"{entry.date:%b %Y}",
            entry.narration,
            None,
            None,
            line.account.code,
            line.debit and Amount(line.debit),
            line.credit and Amount(line.credit),
            line.memo,
            (entry.tenant.name or entry.tenant.slug) if line.receivable else None,
            *(None,) * 4,
        )
