"""`manage.py replay`: real traces and files of events through the ingestion path."""

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from metering import queries
from metering.models import Tenant
from metering.usage.efficiency import TokenSums
from metering.usage.period import Period, month_period, range_period
from tests.conftest import Events
from tests.metering.test_efficiency_numbers import sums_of

OCTOBER = month_period("2026-10", "UTC")
Replay = Callable[..., str]
MOONCAKE_LINE = {"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]}


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Replay:
    """Run the command; returns what it printed."""

    def run(path: Path, tenant: Tenant, trace: str, **options: Any) -> str:
        call_command("replay", str(path), format=trace, tenant=tenant.slug, **options)
        return capsys.readouterr().out

    return run


def shuffled(path: Path, folder: Path, header: int = 0) -> Path:
    lines = path.read_text().splitlines()
    body = lines[header:]
    random.Random(1).shuffle(body)
    found = folder / path.name
    found.write_text("\n".join(lines[:header] + body) + "\n")
    return found


def sums(tenant: Tenant, period: Period = OCTOBER) -> TokenSums:
    return sums_of([calls for _, calls in queries.priced_calls(tenant, period)])


def test_mooncake_gives_its_published_figures_in_any_order_and_once(
    make_tenant: Callable[..., Tenant],
    replay: Replay,
    roll: Callable[[Tenant], int],
    shared: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    trace = shared("traces") / "mooncake_conversation.jsonl"
    other = shuffled(trace, tmp_path)
    none, everything = make_tenant(), make_tenant()
    assert "24062 stored" in replay(trace, none, "mooncake", assume_cache="none")
    roll(none)
    found = sums(none)
    assert (found.requests, found.prompt_tokens) == (12_031, 144_793_823)
    assert (found.output_tokens, found.repeated_tokens) == (4_122_048, 54_098_411)
    assert found.repeated_share
    assert round(found.repeated_share, 5) == Decimal("0.37362")
    assert found.hit_rate == 0

    assert "0 stored, 24062 there already" in replay(other, none, "mooncake")
    assert roll(none) == 0
    assert sums(none) == found
    [row] = queries.usage(none, OCTOBER)
    assert (row.requests, row.tasks, row.succeeded_tasks) == (12_031, 12_031, 12_031)

    replay(other, everything, "mooncake", assume_cache="all")
    roll(everything)
    cached = sums(everything)
    assert cached.hit_rate
    assert round(cached.hit_rate, 5) == Decimal("0.37362")
    assert (cached.repeated_tokens, cached.cache_read_tokens) == (0, 54_098_411)
    assert (cached.prompt_tokens, cached.output_tokens) == (144_793_823, 4_122_048)


def test_azure_gives_its_chip_seconds_in_any_order_and_once(
    tenant: Tenant,
    replay: Replay,
    shared: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Each request holds a chip for 20 ms, 0.1 ms a prompt token and 30 ms an output token."""
    trace = shared("traces") / "azure_llm_code.csv"
    with trace.open(newline="") as lines:
        counts = [
            (int(r["ContextTokens"]), int(r["GeneratedTokens"])) for r in csv.DictReader(lines)
        ]
    milliseconds = sum(20 + Decimal(prompt) / 10 + 30 * output for prompt, output in counts)
    period = range_period(date(2023, 11, 16), date(2023, 11, 17), "UTC")
    assert "26457 stored" in replay(trace, tenant, "azure-llm")
    [row] = queries.usage(tenant, period)
    assert row.chip_seconds == milliseconds / 1000
    assert row.requests == row.succeeded_tasks == len(counts) == 8819
    assert row.input_tokens == sum(prompt for prompt, _ in counts)
    assert row.output_tokens == sum(output for _, output in counts)
    assert "0 stored" in replay(shuffled(trace, tmp_path, header=1), tenant, "azure-llm")
    assert queries.usage(tenant, period) == [row]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "trace"
    path.write_text("\n".join(lines))
    return path


def test_a_trace_begins_where_it_is_told_to(tenant: Tenant, replay: Replay, tmp_path: Path) -> None:
    start = datetime(2026, 10, 30, 23, tzinfo=UTC)
    later = json.dumps(MOONCAKE_LINE | {"timestamp": 7_200_000})
    replay(write(tmp_path, json.dumps(MOONCAKE_LINE), later), tenant, "mooncake", start=start)
    azure = write(
        tmp_path,
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2023-11-16 18:17:04.0319600,3180,8",
        "2023-11-16 18:17:03.9799600,4808,10",
    )
    replay(azure, tenant, "azure-llm", start=start - timedelta(days=1), model="gpt")
    rows = queries.usage(tenant, OCTOBER, ("day", "model"))
    assert [(*row.group.values(), row.requests) for row in rows if row.requests] == [
        ("2026-10-29", "gpt", 2),
        ("2026-10-30", "kimi-k2", 1),
        ("2026-10-31", "kimi-k2", 1),
    ]


def test_equal_requests_are_told_apart_by_their_count(
    tenant: Tenant, replay: Replay, tmp_path: Path
) -> None:
    line = json.dumps(MOONCAKE_LINE)
    assert "4 stored" in replay(write(tmp_path, line, line), tenant, "mooncake")
    assert "2 stored, 4 there already" in replay(
        write(tmp_path, line, line, line), tenant, "mooncake"
    )


AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens"
MALFORMED = {
    "half a line": ("mooncake", '{"timestamp": 1', "line 2"),
    "not a line of this trace": ("mooncake", '{"hello": 1}', "line 2"),
    "a negative count": ("mooncake", json.dumps(MOONCAKE_LINE | {"input_length": -1}), "line 2"),
    "a count above 2^53": (
        "mooncake",
        json.dumps(MOONCAKE_LINE | {"output_length": 2**54}),
        "line 2",
    ),
    "blocks that are words": (
        "mooncake",
        json.dumps(MOONCAKE_LINE | {"hash_ids": ["a"]}),
        "line 2",
    ),
    "beyond the calendar": ("mooncake", json.dumps(MOONCAKE_LINE | {"timestamp": 2**52}), "line 2"),
    "no time": ("azure-llm", "yesterday,5,5", "line 3"),
    "a missing column": ("azure-llm", "2023-11-16 18:17:04.0319600,5", "line 3"),
    "a negative number": ("azure-llm", "2023-11-16 18:17:04.0319600,5,-5", "line 3"),
    "a number above 2^53": ("azure-llm", f"2023-11-16 18:17:04.0319600,{2**54},5", "line 3"),
    "a field without an end": ("azure-llm", '"' + "x" * 200_000, "line 3"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_line_is_named_and_nothing_is_stored(
    name: str, tenant: Tenant, replay: Replay, tmp_path: Path
) -> None:
    trace, line, number = MALFORMED[name]
    good = [json.dumps(MOONCAKE_LINE)]
    if trace == "azure-llm":
        good = [AZURE, "2023-11-16 18:17:03.9799600,4808,10"]
    with pytest.raises(CommandError) as error:
        replay(write(tmp_path, *good, line), tenant, trace)
    assert f": {number}: " in str(error.value)
    ever = range_period(date(2000, 1, 1), date(2030, 1, 1), "UTC")
    assert queries.usage_types(tenant, ever) == []
    assert queries.quarantined(tenant, 1) == []


@pytest.mark.parametrize(
    ("trace", "text"),
    [("azure-llm", "a,b\n1,2"), ("azure-llm", ""), ("events", "[1"), ("events", "{")],
)
def test_a_file_of_another_kind_is_one_sentence(
    trace: str, text: str, tenant: Tenant, replay: Replay, tmp_path: Path
) -> None:
    with pytest.raises(CommandError):
        replay(write(tmp_path, text), tenant, trace)


def test_a_file_that_is_not_there_is_one_sentence(
    tenant: Tenant, replay: Replay, tmp_path: Path
) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            replay(path, tenant, "mooncake")


@pytest.mark.parametrize("shape", ["lines", "array", "printed array", "one", "one printed"])
def test_a_file_of_events_in_any_shape(
    shape: str, tenant: Tenant, event: Events, replay: Replay, tmp_path: Path
) -> None:
    events = [event.tokens("2026-10-05T12:00:00Z") for _ in range(3)]
    text = {
        "lines": "\n".join(json.dumps(item) for item in events),
        "array": json.dumps(events),
        "printed array": json.dumps(events, indent=2),
        "one": json.dumps(events[0]),
        "one printed": "\n" + json.dumps(events[0], indent=2),
    }[shape]
    count = 1 if shape.startswith("one") else 3
    for stored in (count, 0):
        assert f"{stored} stored" in replay(write(tmp_path, text), tenant, "events")
    assert queries.usage(tenant, OCTOBER)[0].requests == count


def test_invalid_events_of_a_file_are_kept_aside_and_said(
    tenant: Tenant, event: Events, replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metering.collectors.event_files.BATCH", 2)
    events = [event.tokens("2026-10-05T12:00:00Z") for _ in range(4)]
    events[3]["data"]["inputTokens"] = 5
    with pytest.raises(CommandError, match=r"1 of 4 .* event 4: data\.inputTokens: "):
        replay(write(tmp_path, json.dumps(events)), tenant, "events")
    assert queries.usage(tenant, OCTOBER)[0].requests == 3
    assert len(queries.quarantined(tenant, 10)) == 1
