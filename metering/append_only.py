"""Tables whose rows are never changed or deleted: the database itself refuses, whoever connects."""

from collections.abc import Iterator
from typing import Any

from django.db.migrations import RunPython

_EVENTS = ("UPDATE", "DELETE")


def append_only(table: str) -> RunPython:
    """The step of a migration that makes a table append-only.

    SQLite drops a table's triggers when a later migration rebuilds it: that one takes this step
    again.
    """

    def install(apps: Any, schema_editor: Any) -> None:
        postgres = schema_editor.connection.vendor == "postgresql"
        for statement in (_on_postgres if postgres else _on_sqlite)(table):
            schema_editor.execute(statement, params=None)

    def remove(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}", params=None)
            schema_editor.execute(f"DROP FUNCTION {table}_append_only()", params=None)
        else:
            for event in _EVENTS:
                schema_editor.execute(f"DROP TRIGGER {table}_{event.lower()}", params=None)

    return RunPython(install, remove)


def _on_sqlite(table: str) -> Iterator[str]:
    for event in _EVENTS:
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {table}_{event.lower()} BEFORE {event} ON {table}"
            f" FOR EACH ROW BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _on_postgres(table: str) -> Iterator[str]:
    yield (
        f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION '{table} is append-only'"
        " USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    yield (
        f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE {' OR '.join(_EVENTS)} ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
