"""CSV after RFC 4180 that a spreadsheet cannot be tricked with.

Texts that a spreadsheet would take for a formula get an apostrophe; numbers never do, so a credit
stays a negative number. Times are UTC, decimals have a point, null is an empty cell.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain

from billing.rating.money import plain

Cell = str | int | Decimal | datetime | date | bool | None

# OWASP's list, with the full-width forms that some spreadsheets take for the same.
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")


class Amount(Decimal):
    """A decimal whose trailing zeros belong to its currency."""


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The header and a line for each row, CRLF at the end of each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in chain([columns], rows):
        writer.writerow([_text(cell) for cell in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Amount():
            return f"{cell:f}"
        case Decimal():
            return plain(cell)
        case datetime():
            moment = cell.astimezone(UTC)
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case str():
            return f"'{cell}" if cell.startswith(_FORMULA) else cell
        case _:
            return str(cell)
