"""`bench daa`: a small run, in a store of its own, whose figures are checked against uniqExact."""

import json
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from metering.bench import daa
from metering.clickhouse import active_query, connection
from metering.models import Tenant
from metering.usage.active import ActiveDay


@pytest.mark.parametrize("most", [1_000_000, 70], ids=["at once", "in parts"])
def test_a_small_run_measures_what_it_says(
    most: int,
    tenant: Tenant,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(active_query, "_MOST_AGENTS", most)
    before = connection.select("SELECT count() FROM rollup_agent_days")
    call_command("bench", "daa", "--agent-days", "6000", "--json")
    result = json.loads(capsys.readouterr().out)
    assert (result["agent_days"], result["active_on_last_day"]) == (6000, 100)
    # A hundred out of two hundred, of which five go and come each day: 200 + 59 × 5 in all.
    assert 400 < result["agents"] <= 495
    assert 100 <= result["maa_on_last_day"] < result["agents"]
    # Sketches of few agents are exact.
    assert result["sketch_error_percent"] == 0
    assert result["page_seconds"] > 0 < result["uniq_exact_seconds"]
    # Nothing of it is in the installation's own store, which is in use again.
    assert connection.select("SELECT count() FROM rollup_agent_days") == before


def test_a_wrong_page_is_no_result(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    right = active_query.ActiveQuery.rows

    def wrong(query: active_query.ActiveQuery) -> list[ActiveDay]:
        return [replace(day, active=day.active + 1) for day in right(query)]

    monkeypatch.setattr(active_query.ActiveQuery, "rows", wrong)
    with pytest.raises(CommandError, match="the page is wrong"):
        call_command("bench", "daa", "--agent-days", "6000")


def test_too_few_are_refused() -> None:
    with pytest.raises(CommandError, match="--agent-days must be at least 6000"):
        call_command("bench", "daa", "--agent-days", "60")


def test_the_table_is_for_people() -> None:
    result = daa.DaaResult(
        agent_days=6000,
        agents=490,
        active_on_last_day=100,
        maa_on_last_day=300,
        page_seconds=1.5,
        page_peak_bytes=3 << 20,
        uniq_exact_seconds=0.5,
        uniq_exact_peak_bytes=1 << 20,
        ratio=3.0,
        sketch_seconds=0.1,
        sketch_bytes=98505,
        sketch_error_percent=0.4,
    )
    lines = daa.table(result).splitlines()
    assert lines[0] == "6,000 agent-days of 490 agents in 60 days"
    assert lines[1].split()[-4:] == ["1.50", "s", "3", "MiB"]
    assert lines[3].split() == ["ratio:", "3.000"]
