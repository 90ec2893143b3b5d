"""Files of CloudEvents, a batch at a time in constant memory: NDJSON and Parquet.

A Parquet row has a column for each attribute of an event; `data` is a struct, or JSON as text, and
what is null in either is absent. A JSON array, or an event printed over several lines, is read
whole, for JSON has no other end.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow
from pyarrow import parquet

from metering.collectors.cloudevents import JSON, UnreadableBody, split_body

BATCH = 5_000
_PARQUET = b"PAR1"


def read_events(path: Path, most_bytes: int) -> Iterator[list[bytes]]:
    """Batches of the events in a file, as JSON; a line longer than `most_bytes` is none.

    Raises UnreadableBody; where a file of lines ends well, all before its fault has been given.
    """
    with path.open("rb") as file:
        if file.read(len(_PARQUET)) == _PARQUET:
            yield from _parquet(path)
            return
        file.seek(0)
        lines = _lines(file, most_bytes)
        first = next(lines, b"")
        if first.endswith(b"}"):
            yield from _batches(first, lines)
            return
    yield from _whole(path)


def _whole(path: Path) -> Iterator[list[bytes]]:
    body = path.read_bytes()
    events = split_body(JSON, {}, body) if body.strip() else []
    for start in range(0, len(events), BATCH):
        yield list(events[start : start + BATCH])


def _lines(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """The lines that are not empty."""
    while line := file.readline(most_bytes + 1):
        if len(line) > most_bytes:
            raise UnreadableBody(f"a line is longer than {most_bytes} bytes")
        if text := line.strip():
            yield text


def _batches(first: bytes, lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    yield [first, *islice(lines, BATCH - 1)]
    while batch := list(islice(lines, BATCH)):
        yield batch


def _parquet(path: Path) -> Iterator[list[bytes]]:
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH):
                yield [_row(row) for row in batch.to_pylist(maps_as_pydicts="strict")]
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableBody(f"the Parquet file is damaged: {error}") from None


def _row(row: dict[str, Any]) -> bytes:
    event = _present(row)
    data = event.get("data")
    if isinstance(data, str):
        event["data"] = msgspec.Raw(data.encode())
    return msgspec.json.encode({"specversion": "1.0"} | event)


def _present(value: Any) -> Any:
    """Without what is null; pandas' nanoseconds as a plain time."""
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_present(item) for item in value]
    return value.to_pydatetime(warn=False) if _is_pandas(value) else value


def _is_pandas(value: Any) -> bool:
    return isinstance(value, datetime) and hasattr(value, "to_pydatetime")
