"""The kinds of export. One is a module with COLUMNS and rows(tenant, month)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from billing.exports import invoices, lines, tasks, usage
from billing.exports.csv_writer import Cell, csv_lines
from metering.models import Tenant


class Export(NamedTuple):
    """What a file's header says and what its rows are for one tenant's month."""

    columns: Sequence[str]
    rows: Callable[[Tenant, str], Iterator[tuple[Cell, ...]]]


EXPORTS: dict[str, Export] = {
    "invoices": Export(invoices.COLUMNS, invoices.rows),
    "lines": Export(lines.COLUMNS, lines.rows),
    "tasks": Export(tasks.COLUMNS, tasks.rows),
    "usage": Export(usage.COLUMNS, usage.rows),
}


def export(kind: str, tenants: Iterable[Tenant], month: str) -> Iterator[bytes]:
    """The file, line by line: one tenant after the other."""
    columns, rows_of = EXPORTS[kind]
    return csv_lines(columns, (row for tenant in tenants for row in rows_of(tenant, month)))
