"""Workers at once, and workers that are killed, on both kinds of database."""

from pathlib import Path

import pytest

from tests.own_database import KINDS, own_database


@pytest.mark.parametrize("kind", KINDS)
def test_workers_at_once_and_killed_ones_draw_what_there_is(
    kind: str, tmp_path: Path, data_dir: Path
) -> None:
    with own_database(kind, tmp_path) as script:
        script("tests.billing.prepaid.workers")
