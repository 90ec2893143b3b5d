"""A month as journal entries, in the form that a bookkeeping system imports.

The documents of the month, and then what was done in it with documents of whatever month.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from billing.exports.ask import Ask, ExportError
from billing.exports.csv_writer import Cell
from billing.exports.journals import generic, netsuite, quickbooks, xero
from billing.exports.journals.documents import document_entries
from billing.exports.journals.entry import Entry
from billing.exports.journals.steps import step_entries
from metering.models import Tenant

Rows = Callable[[Entry], Iterator[tuple[Cell, ...]]]
_FORMATS: dict[str, tuple[Sequence[str], Rows]] = {
    "generic": (generic.COLUMNS, generic.rows),
    "xero": (xero.COLUMNS, xero.rows),
    "quickbooks": (quickbooks.COLUMNS, quickbooks.rows),
    "netsuite": (netsuite.COLUMNS, netsuite.rows),
}


def columns(ask: Ask) -> Sequence[str]:
    """Those of the format asked for."""
    return _FORMATS[ask.format][0]


def entries(tenants: Iterable[Tenant], month: str) -> Iterator[Entry]:
    """The entries of a month, tenant by tenant."""
    for tenant in tenants:
        yield from document_entries(tenant, month)
        yield from step_entries(tenant, month)


def rows(tenants: Iterable[Tenant], ask: Ask) -> Iterator[tuple[Cell, ...]]:
    """The entries of all tenants, or of one part of them."""
    _, rows_of = _FORMATS[ask.format]
    for part, entry in _in_parts(entries(tenants, ask.month)):
        if not ask.part or part == ask.part:
            yield from rows_of(entry)


def check(tenants: Sequence[Tenant], ask: Ask) -> None:
    """Refuse what the system would not take, before a byte is written. Raises ExportError."""
    if ask.part and ask.format != "xero":
        raise ExportError("part", "only xero limits a file; leave it out")
    if ask.format == "xero":
        _check_xero(tenants, ask)
    if ask.format == "netsuite":
        _check_netsuite(tenants, ask)


def _check_xero(tenants: Sequence[Tenant], ask: Ask) -> None:
    parts, currencies = 1, set()
    for part, entry in _in_parts(entries(tenants, ask.month)):
        parts = part
        currencies.add(entry.currency)
        if len(entry.lines) > xero.MOST_LINES:
            problem = f"{entry.number} has {len(entry.lines)} lines, xero takes {xero.MOST_LINES}"
            raise ExportError("format", f"{problem}; ask for another format")
    if len(currencies) > 1:
        named = ", ".join(sorted(currencies))
        raise ExportError("format", f"xero has no currency, and these are {named}: one tenant each")
    if ask.part > parts:
        raise ExportError("part", f"there are {parts}")
    if parts > 1 and not ask.part:
        problem = f"xero takes {xero.MOST_LINES} lines a file, so this is {parts} files"
        raise ExportError("part", f"{problem}: ask for part 1 to {parts}")


def _check_netsuite(tenants: Sequence[Tenant], ask: Ask) -> None:
    for entry in entries(tenants, ask.month):
        if any(abs(line.amount) >= netsuite.MOST for line in entry.lines):
            problem = f"{entry.number} has an amount of more than ten digits"
            raise ExportError("format", f"{problem}, which netsuite does not take")


def _in_parts(found: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    """Each entry with the number of its file: as many whole entries as xero takes."""
    part, held = 1, 0
    for entry in found:
        if held and held + len(entry.lines) > xero.MOST_LINES:
            part, held = part + 1, 0
        held += len(entry.lines)
        yield part, entry
