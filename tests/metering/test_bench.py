"""`bench` measures a running installation, and says what it cannot measure."""

import json

import pytest
from django.core.management import CommandError, call_command

from metering.bench.installation import BenchError
from metering.bench.load import post, seconds_for


@pytest.mark.slow
def test_every_measurement_has_its_yardstick(capsys: pytest.CaptureFixture[str]) -> None:
    amounts = {"--events": 8000, "--singles": 192, "--visible": 5, "--memory-events": 20000}
    options = [str(part) for pair in amounts.items() for part in pair]
    call_command("bench", "ingest", "--json", *options)
    found = json.loads(capsys.readouterr().out)
    assert found["batches"]["events"] == 8000
    for name, (part, whole) in {
        "batches": ("http_events_per_second", "bare_rows_per_second"),
        "singles": ("events_per_second", "empty_per_second"),
    }.items():
        assert found[name][part] > 0
        assert found[name][whole] > 0
    assert 0 < found["visible"]["p50_ms"] <= found["visible"]["p99_ms"]
    assert found["memory"]["early_mb"] > 10


def test_too_few_events_are_refused() -> None:
    with pytest.raises(CommandError, match="at least 8000"):
        call_command("bench", "ingest", "--events", "7999")


@pytest.mark.slow
def test_pages_of_tasks_are_measured_beside_bare_selects(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("bench", "tasks", "--json", "--tasks", "2000")
    found = json.loads(capsys.readouterr().out)
    assert (found["tasks"], found["later_page"]) == (2000, 20)
    assert 0 < found["bare_later_ms"] < found["later_page_ms"]
    assert found["ratio"] > 0


def test_too_few_tasks_are_refused() -> None:
    with pytest.raises(CommandError, match="at least 1000"):
        call_command("bench", "tasks", "--tasks", "999")


def test_an_answer_that_is_not_204_ends_the_load(live_server: object) -> None:
    port = int(str(live_server).rpartition(":")[2])
    request = post("/api/v1/events", "not-a-key", "application/json", b"{}")
    with pytest.raises(BenchError, match="401"):
        seconds_for(port, 1, iter([request]), lambda: None)


@pytest.mark.slow
def test_reusable_context_is_measured_beside_its_yardsticks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two hundred sessions, half of them with a system prompt that was seen before."""
    call_command("bench", "efficiency", "--json", "--blocks", "110000")
    found = json.loads(capsys.readouterr().out)
    assert (found["calls"], found["blocks"]) == (3392, 3392 * 32)
    assert 0 < found["ratio"] < 1
    assert found["rollup_mib"] >= found["idle_mib"] > 10


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(CommandError, match="at least 2048"):
        call_command("bench", "efficiency", "--blocks", "2047")
