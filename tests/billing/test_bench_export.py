"""`bench export`: a file beside the engine's own, in memory that does not grow with it."""

import json

import pytest
from django.core.management import CommandError, call_command


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(CommandError, match="--rows must be at least 1000"):
        call_command("bench", "export", "--rows", "10")


@pytest.mark.slow
def test_ten_times_the_rows_take_no_more_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a tenth fills several blocks of the driver already, the rest only follows them."""
    call_command("bench", "export", "--rows", "500000", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 500_000
    assert found["growth"] < 0.1
    assert found["export_rows_per_second"] > 0 < found["bare_rows_per_second"]
