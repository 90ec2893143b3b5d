"""Ten workers at once, a task delivered three times, and workers that are killed at any step."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.own_database import KINDS, own_database

pytestmark = [pytest.mark.usefixtures("migrated_store"), pytest.mark.slow]
CLOSERS = "tests.billing.closers"


@pytest.mark.parametrize("kind", KINDS)
def test_ten_workers_close_a_month_once(kind: str, tmp_path: Path, data_dir: Path) -> None:
    with own_database(kind, tmp_path) as script:
        script(CLOSERS, "prepare")
        words = ["command"] * 7 + ["task"] * 3
        with ThreadPoolExecutor(len(words)) as pool:
            list(pool.map(lambda word: script(CLOSERS, word), words))
        script(CLOSERS, "check")


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_worker_changes_nothing_or_a_whole_chunk(
    kind: str, tmp_path: Path, data_dir: Path
) -> None:
    with own_database(kind, tmp_path) as script:
        script(CLOSERS, "prepare")
        script(CLOSERS, "killed")
