import csv
import io
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.exports.csv_writer import CHUNK, Amount, Cell, Pointed, csv_lines
from tests.billing.exports import rfc4180


def text(*cells: Cell) -> str:
    return b"".join(csv_lines(["a"], [cells])).decode().partition("\r\n")[2].removesuffix("\r\n")


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
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        (" =1", " '=1"),
        ("\ufeff=1", "\ufeff'=1"),
        ("\rx", '"\'\rx"'),
        ("\nx", '"\'\nx"'),
        ("a\n=1", '"a\n\'=1"'),
        ("a;=1", "a;'=1"),
        ("a\t-1", "a\t'-1"),
        ("a|@x", "a|'@x"),
        ('a;"=1"', '"a;""\'=1"""'),
        (",=1", '",\'=1"'),
        ("a = b - c", "a = b - c"),
        ("2026-10, -5 °C", '"2026-10, -5 °C"'),
        (Amount("-0.10"), "-0.10"),
        (Pointed("-5"), "-5.0"),
        (Pointed("1E-7"), "0.0000001"),
        (-3, "-3"),
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
    written = b"".join(csv_lines(["h", "n"], [[cell, 0] for cell in texts]))
    strict = rfc4180.read(written)
    assert strict == list(csv.reader(io.StringIO(written.decode(), newline="")))
    read = [row[0] for row in strict[1:]]
    assert [cell.replace("'", "") for cell in read] == [cell.replace("'", "") for cell in texts]
    # However a spreadsheet splits it, no part begins like a formula.
    parts = [part for cell in read for part in re.split("[;|\t\r\n]", cell)]
    assert not any(part.lstrip(' ,"\ufeff').startswith(tuple("=+-@＝＋－＠")) for part in parts)
    assert not any(cell.startswith(tuple("\t\r\n")) for cell in read)


def test_rows_are_handed_on_by_the_chunk_and_are_whole() -> None:
    chunks = list(csv_lines(["a", "b"], (["x" * 100, n] for n in range(5_000))))
    assert chunks[0] == b"a,b\r\n"
    assert all(CHUNK <= len(chunk) < CHUNK + 200 for chunk in chunks[1:-1])
    assert all(chunk.endswith(b"\r\n") for chunk in chunks)
    assert len(rfc4180.read(b"".join(chunks))) == 5_001
