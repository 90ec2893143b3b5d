"""The kinds of export, and the one way from an ask to a file's bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from billing.exports import focus, invoices, journal, lines, tasks, usage
from billing.exports.ask import Ask
from billing.exports.csv_writer import Cell, csv_lines
from metering.models import Tenant

Rows = Iterator[tuple[Cell, ...]]


class Export(NamedTuple):
    """What a file's header says, what its rows are, and what is refused before."""

    columns: Callable[[Ask], Sequence[str]]
    rows: Callable[[Iterable[Tenant], Ask], Rows]
    check: Callable[[Sequence[Tenant], Ask], None] = lambda tenants, ask: None


def _by_month(columns: Sequence[str], rows: Callable[[Tenant, str], Rows]) -> Export:
    """A kind that knows no options: one tenant's month after the other."""

    def all_rows(tenants: Iterable[Tenant], ask: Ask) -> Rows:
        return (row for tenant in tenants for row in rows(tenant, ask.month))

    return Export(lambda ask: columns, all_rows)


def _focus_rows(tenants: Iterable[Tenant], ask: Ask) -> Rows:
    return (row for tenant in tenants for row in focus.rows(tenant, ask))


EXPORTS: dict[str, Export] = {
    "invoices": _by_month(invoices.COLUMNS, invoices.rows),
    "lines": _by_month(lines.COLUMNS, lines.rows),
    "tasks": _by_month(tasks.COLUMNS, tasks.rows),
    "usage": _by_month(usage.COLUMNS, usage.rows),
    "focus": Export(focus.columns, _focus_rows),
    "journal": Export(journal.columns, journal.rows, journal.check),
}


class Count:
    """How many rows have gone by."""

    def __init__(self) -> None:
        self.rows = 0

    def of(self, rows: Rows) -> Rows:
        for row in rows:
            self.rows += 1
            yield row


def export(ask: Ask, tenants: Sequence[Tenant], count: Count | None = None) -> Iterator[bytes]:
    """The file by the chunk, the same whoever asks. Raises ExportError before the first one."""
    kind = EXPORTS[ask.kind]
    kind.check(tenants, ask)
    rows = kind.rows(tenants, ask)
    return csv_lines(kind.columns(ask), count.of(rows) if count else rows)
