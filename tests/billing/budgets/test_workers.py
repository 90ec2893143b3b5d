"""Many agents against a budget for one, and agents that are killed, on both kinds of database."""

from pathlib import Path

import pytest

from tests.own_database import KINDS, own_database


@pytest.mark.parametrize("kind", KINDS)
def test_no_budget_is_overspent_by_workers_at_once_or_killed(
    kind: str, tmp_path: Path, data_dir: Path
) -> None:
    with own_database(kind, tmp_path) as script:
        script("tests.billing.budgets.workers")
