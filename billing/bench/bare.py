"""The yardstick of `bench close`: the rows that a close wrote, inserted once more in bulk."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from django.db import connections, transaction

from billing.models import Invoice, InvoiceLine

_TABLES = ("billing_invoice", "billing_invoiceline")
_ALIAS = "bare"


def bare_seconds(database: Path) -> tuple[float, float]:
    """Seconds of Django's bulk_create, and of the driver's executemany, for the same rows."""
    copy = database.with_name("bare.sqlite3")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    connections.databases[_ALIAS] = connections.databases["default"] | {"NAME": str(copy)}
    try:
        return _by_django(copy), _by_driver(copy)
    finally:
        connections[_ALIAS].close()
        del connections[_ALIAS], connections.databases[_ALIAS]


def _by_django(copy: Path) -> float:
    invoices = list(Invoice.objects.using(_ALIAS).all())
    lines = list(InvoiceLine.objects.using(_ALIAS).all())
    _empty(copy)
    begun = time.perf_counter()
    with transaction.atomic(_ALIAS):
        Invoice.objects.using(_ALIAS).bulk_create(invoices)
        InvoiceLine.objects.using(_ALIAS).bulk_create(lines)
    return time.perf_counter() - begun


def _by_driver(copy: Path) -> float:
    with closing(sqlite3.connect(copy)) as connection:
        rows = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - fixed
            for table in _TABLES
        }
        _empty(copy)
        begun = time.perf_counter()
        with connection:
            for table, some in rows.items():
                marks = ", ".join("?" * len(some[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", some)  # noqa: S608
        return time.perf_counter() - begun


def _empty(copy: Path) -> None:
    """Without the triggers, which would not let go of a finalized invoice."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for table in reversed(_TABLES):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names
