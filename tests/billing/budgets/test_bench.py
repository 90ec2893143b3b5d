"""`bench budgets`: a small run on an installation of its own."""

import json

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.slow
def test_a_small_run_measures_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bench", "budgets", "--reservations", "200", "--connections", "2", "--json")
    result = json.loads(capsys.readouterr().out)
    assert (result["reservations"], result["connections"]) == (200, 2)
    assert 0 < result["reserve_p50_ms"] <= result["reserve_p99_ms"]
    assert result["empty_p50_ms"] < result["reserve_p50_ms"]


def test_too_few_to_have_a_hundredth_are_refused() -> None:
    with pytest.raises(CommandError, match="--reservations must be at least 100"):
        call_command("bench", "budgets", "--reservations", "99", "--connections", "1")
