"""CSV after RFC 4180 that a spreadsheet cannot be tricked with.

Texts that a spreadsheet would take for a formula get an apostrophe; numbers never do, so a credit
stays a negative number. Times are UTC, decimals have a point, null is an empty cell.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain

from billing.rating.money import plain

Cell = str | int | Decimal | datetime | date | bool | None

# OWASP's list, with the full-width forms that some spreadsheets take for the same. A spreadsheet
# that separates by semicolon or tab splits a text there, whatever quotes are around it, and one
# that does not read quotes begins a row after a line break: so what follows those is a first too.
_FORMULA = re.compile("(^|[;|\t\r\n])([ ,\"'\ufeff]*)(?=[=+\\-@＝＋－＠])")
_LEADS = tuple("\t\r\n\0")
# What is handed on at a time: a row alone costs more to hand on than to write.
CHUNK = 64 * 1024


class Amount(Decimal):
    """A decimal whose trailing zeros belong to its currency."""


class Pointed(Decimal):
    """A decimal that is written with a point even where it is whole: `5.0` is none of an integer.

    Readers that guess a column's type from its values then always find decimals.
    """


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The header, then whole rows by the chunk; CRLF at the end of each."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    held = 0
    for row in chain([None], rows):
        if row is not None:
            held += writer.writerow([_text(cell) for cell in row])
        if row is None or held >= CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            held = buffer.truncate()
    if held:
        yield buffer.getvalue().encode()


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula; others as they are."""
    safe = _FORMULA.sub(r"\1\2'", text)
    return f"'{safe}" if safe.startswith(_LEADS) else safe


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Amount():
            return f"{cell:f}"
        case Pointed():
            whole = plain(cell)
            return whole if "." in whole else f"{whole}.0"
        case Decimal():
            return plain(cell)
        case datetime():
            moment = cell.astimezone(UTC)
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case str():
            return guarded(cell)
        case _:
            return str(cell)
