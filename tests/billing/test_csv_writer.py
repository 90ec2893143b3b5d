import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.exports.csv_writer import Amount, Cell, csv_lines


def text(*cells: Cell) -> str:
    return b"".join(csv_lines(["a"], [cells])).decode().split("\r\n")[1]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        (Decimal("-1.50"), "-1.5"),
        (Amount("-1.50"), "-1.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-12"), "0.000000000001"),
        (12, "12"),
        (True, "true"),
        (date(2026, 10, 1), "2026-10-01"),
        (datetime(2026, 10, 1, tzinfo=UTC), "2026-10-01T00:00:00Z"),
        (datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=8))), "2026-09-30T16:00:00Z"),
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("＝1", "'＝1"),
        ("=a,b", '"\'=a,b"'),
    ],
)
def test_a_cell_is_written_as(cell: Cell, written: str) -> None:
    # A second cell, for a row of one empty cell would be written as "".
    assert text(cell, 1) == f"{written},1"


def test_lines_end_with_crlf_and_the_header_comes_first() -> None:
    assert b"".join(csv_lines(["a", "b"], [["x", 1]])) == b"a,b\r\nx,1\r\n"


def test_a_file_without_rows_still_has_its_header() -> None:
    assert list(csv_lines(["a", "b"], [])) == [b"a,b\r\n"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_text_comes_back_and_none_is_a_formula(texts: list[str]) -> None:
    written = b"".join(csv_lines(["h"], [[cell, 0] for cell in texts])).decode()
    read = [row[0] for row in csv.reader(io.StringIO(written, newline=""))][1:]
    assert [cell.removeprefix("'") for cell in read] == [cell.removeprefix("'") for cell in texts]
    assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in read)
