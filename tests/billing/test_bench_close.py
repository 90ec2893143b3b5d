"""`bench close`: a small run, whose figures are what the invoices hold."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command


@pytest.mark.slow
def test_a_small_run_measures_what_it_says() -> None:
    """In a process of its own: it opens a database that pytest does not know."""
    words = ("--tenants", "3", "--lines", "7", "--events", "300", "600", "--json")
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "close", *words],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert (result["tenants"], result["lines_each"]) == (3, 7)
    assert [item["events"] for item in result["closings"]] == [300, 600]
    assert all((item["invoices"], item["lines"]) == (3, 21) for item in result["closings"])
    assert all(item["peak_mb"] > 10 for item in result["closings"])


def test_fewer_lines_than_there_are_kinds_is_no_measurement() -> None:
    with pytest.raises(CommandError, match="--lines at least 5"):
        call_command("bench", "close", "--lines", "4")
