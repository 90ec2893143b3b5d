"""The table behind a chart: the same rows, for whoever reads figures rather than pictures."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Texts as they are shown; the first column names the row."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
