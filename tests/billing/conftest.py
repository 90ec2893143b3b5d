"""A plan, prices and contracts from a file as an operator would write it, and a month closed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command

from billing.catalogue import revision
from billing.models import Invoice

Run = Callable[..., str]


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """October is over, November is not. The clock runs on, as connections time out by it."""
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=True):
        yield


@pytest.fixture(autouse=True)
def forget_revisions() -> None:
    """A number that was rolled back is given again, to another revision of the price catalogue."""
    revision._prices.cache_clear()


@pytest.fixture
def manage(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command and give what it printed: `manage("close_month", "2026-10")`."""

    def run(*words: str) -> str:
        capsys.readouterr()
        call_command(*words)
        return capsys.readouterr().out

    return run


@pytest.fixture
def apply(manage: Run, tmp_path: Path) -> Run:
    """Apply a configuration given as YAML text."""

    def run(text: str, *options: str) -> str:
        file = tmp_path / "configuration.yaml"
        file.write_text(text)
        return manage("apply", str(file), *options)

    return run


@pytest.fixture
def amounts() -> Callable[[str], list[tuple[str, str, str]]]:
    """The lines of a month's one invoice as (code, quantity, amount)."""

    def of(month: str) -> list[tuple[str, str, str]]:
        invoice = Invoice.objects.get(month=f"{month}-01")
        lines = invoice.lines.order_by("position")
        return [(line.code, f"{line.quantity:f}", f"{line.amount:f}") for line in lines]

    return of


@pytest.fixture(scope="session", autouse=True)
def static_folder(data_dir: Path) -> None:
    """The folder of collected static files, which the web server's middleware looks for."""
    (data_dir / "static").mkdir(exist_ok=True)
