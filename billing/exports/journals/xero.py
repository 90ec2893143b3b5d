"""Xero's import of manual journals: a credit is an amount below 0, and the file is in one currency.

Rows with one narration and date are one journal. Xero takes no account of its own for receivables
or a bank here, so `receivable` and `bank` in JOURNAL_ACCOUNTS have to be clearing accounts.
"""

from collections.abc import Iterator

from django.conf import settings

from billing.exports.csv_writer import Amount, Cell
from billing.exports.journals.entry import Entry

COLUMNS = (
    "*Narration",
    "*Date",
    "Description",
    "*AccountCode",
    "*TaxRate",
    "*Amount",
    "TrackingName1",
    "TrackingOption1",
    "TrackingName2",
    "TrackingOption2",
)
MOST_LINES = 300


def rows(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """The rows of an entry; tax has a line of its own, so no rate may add any."""
    for line in entry.lines:
        yield (
            entry.narration,
            f"{entry.date:%d/%m/%Y}",
            line.memo,
            line.account.code,
            settings.JOURNAL_XERO_TAX_RATE,
            Amount(line.amount),
            *(None,) * 4,
        )
