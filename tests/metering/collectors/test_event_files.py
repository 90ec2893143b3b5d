"""Files of events: NDJSON and Parquet, a batch at a time."""

import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from metering import queries
from metering.collectors.cloudevents import UnreadableBody
from metering.collectors.event_files import BATCH, read_events
from metering.models import Tenant
from metering.usage.period import month_period
from tests.conftest import Events

OCTOBER = month_period("2026-10", "UTC")
AT = datetime(2026, 10, 5, 12, 0, 0, 123456, UTC)
MOST = 100_000


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(event) for batch in read_events(path, MOST) for event in batch]


def table(**columns: Any) -> pyarrow.Table:
    known = {
        "id": ["1", "2"],
        "source": ["file"] * 2,
        "type": ["agent.tokens", "custom.gb"],
        "subject": ["ada", None],
        "time": pyarrow.array([AT] * 2, pyarrow.timestamp("us", "UTC")),
    }
    return pyarrow.table(known | columns)


def test_parquet_columns_are_attributes_and_nulls_are_absent(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    data = pyarrow.StructArray.from_arrays(
        [
            pyarrow.array(["m", None]),
            pyarrow.array([5, None], pyarrow.int64()),
            pyarrow.array([None, Decimal("12.500")], pyarrow.decimal128(20, 3)),
            pyarrow.array(
                [[("env", "prod")], None], pyarrow.map_(pyarrow.string(), pyarrow.string())
            ),
        ],
        names=["model", "input_tokens", "value", "labels"],
    )
    parquet.write_table(table(data=data), path)
    common = {"specversion": "1.0", "source": "file", "time": "2026-10-05T12:00:00.123456Z"}
    assert events_of(path) == [
        common
        | {
            "id": "1",
            "type": "agent.tokens",
            "subject": "ada",
            "data": {"model": "m", "input_tokens": 5, "labels": {"env": "prod"}},
        },
        common | {"id": "2", "type": "custom.gb", "data": {"value": "12.500"}},
    ]


def test_data_may_be_text_and_times_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    time = pyarrow.array([AT] * 2, pyarrow.timestamp("ns", "UTC"))
    data = ['{"model": "m", "input_tokens": 5}', '{"value": 0.1}']
    parquet.write_table(table(time=time, data=data), path)
    found = events_of(path)
    assert [event["data"] for event in found] == [json.loads(text) for text in data]
    assert {event["time"] for event in found} == {"2026-10-05T12:00:00.123456Z"}


def test_a_parquet_file_is_replayed_once(
    tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.parquet"
    count = BATCH + 7
    parquet.write_table(
        pyarrow.table(
            {
                "id": [f"e{n}" for n in range(count)],
                "source": ["file"] * count,
                "type": ["agent.tokens"] * count,
                "subject": ["ada"] * count,
                "time": pyarrow.array([AT] * count, pyarrow.timestamp("us", "UTC")),
                "data": [{"model": "m", "input_tokens": n} for n in range(count)],
            }
        ),
        path,
        row_group_size=1000,
    )
    for stored in (count, 0):
        call_command("replay", str(path), format="events", tenant=tenant.slug)
        assert f"{count} events: {stored} stored" in capsys.readouterr().out
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.input_tokens) == (count, sum(range(count)))


def test_a_damaged_parquet_file_is_said(tenant: Tenant, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    parquet.write_table(table(data=["{}", "{}"]), whole)
    body = whole.read_bytes()
    for damaged in (body[: len(body) // 2], b"PAR1", body[:-4] + b"xxxx"):
        path = tmp_path / "damaged"
        path.write_bytes(damaged)
        with pytest.raises(CommandError, match="Parquet"):
            call_command("replay", str(path), format="events", tenant=tenant.slug)


def test_lines_are_read_a_batch_at_a_time(tmp_path: Path) -> None:
    """50 MB of lines, in the memory of one batch."""
    path = tmp_path / "events"
    line = json.dumps({"id": "x" * 200}).encode() + b"\r\n\n"
    with path.open("wb") as file:
        for _ in range(50):
            file.write(line * BATCH)
    tracemalloc.start()
    sizes = [len(batch) for batch in read_events(path, MOST)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [BATCH] * 50
    assert path.stat().st_size > 50_000_000
    assert peak < 10_000_000


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"{}\n" + b" " * (MOST + 1))
    with pytest.raises(UnreadableBody, match="longer"):
        events_of(path)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_has_no_events(text: str, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text(text)
    assert events_of(path) == []


def test_a_broken_last_line_is_quarantined_and_the_others_stored(
    tenant: Tenant, event: Events, tmp_path: Path
) -> None:
    path = tmp_path / "events"
    whole = json.dumps(event.tokens("2026-10-05T12:00:00Z"))
    path.write_text(f"{whole}\n{whole[:20]}")
    with pytest.raises(CommandError, match=r"1 of 2 .* event 2: "):
        call_command("replay", str(path), format="events", tenant=tenant.slug)
    assert queries.usage(tenant, OCTOBER)[0].requests == 1
    assert len(queries.quarantined(tenant, 10)) == 1
