"""Rows written by one prepared statement, where a model's own way costs more than the rows do.

Values go through their fields, as Django sends them. Nothing else of a model happens: what is not
named here gets the database's default, and no object is made.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper

# Dates and moments come again and again: those of a period, the moment of an act.
_REPEATED = (models.DateField, models.DateTimeField)
Row = Sequence[Any]


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows of these attributes, in this order; keys are given by the database."""
    connection = _connection(model)
    fields = [_field(model, name) for name in names]
    columns = ", ".join(_quoted(connection, field) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    # Names come from the model.
    sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
    _execute(connection, sql, _prepared(connection, fields, rows))


def update_rows(objects: Iterable[models.Model], names: Sequence[str]) -> None:
    """Write these attributes of saved objects of one model, each to its own row."""
    objects = list(objects)
    if not objects:
        return
    model = type(objects[0])
    connection = _connection(model)
    key = model._meta.pk
    fields = [*(_field(model, name) for name in names), key]
    changes = ", ".join(f"{_quoted(connection, field)} = %s" for field in fields[:-1])
    table = connection.ops.quote_name(model._meta.db_table)
    sql = f"UPDATE {table} SET {changes} WHERE {_quoted(connection, key)} = %s"  # noqa: S608
    rows = ([getattr(item, field.attname) for field in fields] for item in objects)
    _execute(connection, sql, _prepared(connection, fields, rows))


def _connection(model: type[models.Model]) -> BaseDatabaseWrapper:
    return connections[router.db_for_write(model)]


def _field(model: type[models.Model], name: str) -> "models.Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101 - a column, not what refers to the row
    return field


def _quoted(connection: BaseDatabaseWrapper, field: "models.Field[Any, Any]") -> str:
    assert field.column is not None  # noqa: S101 - as above
    return connection.ops.quote_name(field.column)


def _prepared(
    connection: BaseDatabaseWrapper,
    fields: Sequence["models.Field[Any, Any]"],
    rows: Iterable[Row],
) -> Iterator[list[Any]]:
    to_send = []
    for field in fields:
        prepare = partial(field.get_db_prep_save, connection=connection)
        to_send.append(lru_cache(256)(prepare) if isinstance(field, _REPEATED) else prepare)
    for row in rows:
        yield [prepare(value) for prepare, value in zip(to_send, row, strict=True)]


def _execute(connection: BaseDatabaseWrapper, sql: str, rows: Iterable[Row]) -> None:
    if prepared := list(rows):
        with connection.cursor() as cursor:
            cursor.executemany(sql, prepared)
