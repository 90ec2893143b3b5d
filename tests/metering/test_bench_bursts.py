"""`bench bursts` prices intervals that it makes itself, and says what it cannot measure."""

import json

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.slow
def test_a_month_is_priced_beside_a_scan_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bench", "bursts", "--json", "--intervals", "3000", "--months", "3")
    found = json.loads(capsys.readouterr().out)
    assert (found["months"], found["intervals"]) == (3, 3000)
    # A third of them, more or less: they are spread evenly.
    assert 900 < found["intervals_of_the_month"] < 1100
    assert found["first_close_seconds"] > found["command_seconds"] > 0
    assert found["scan_seconds"] > 0
    assert found["peak_mib"] > 30


@pytest.mark.parametrize("options", [("--intervals", "0"), ("--months", "0"), ("--months", "61")])
def test_what_cannot_be_measured_is_refused(options: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="--months from 1 to 60"):
        call_command("bench", "bursts", *options)
