"""The chDB side: the only place where the engine is opened, asked and written to.

Rows of one INSERT are one insert of the engine. It joins the blocks of an INSERT up to
`min_insert_block_size_rows` (about a million rows) or `min_insert_block_size_bytes` before it
writes; what reaches one partition in one such block is one part, that is there wholly or not
at all. An INSERT that fails or is cut before any of its blocks was written stores nothing.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from metering.clickhouse.embedded import errors, native
from metering.clickhouse.embedded.bytesource import ByteSource
from metering.clickhouse.embedded.errors import ServerError, from_engine
from metering.clickhouse.embedded.statement import Statement, insert_target

# The engine takes its default time zone from the environment when it is loaded.
os.environ["TZ"] = "UTC"
from chdb import _chdb

OPTIONS: Final = {
    "max_server_memory_usage_to_ram_ratio": "0.5",
    "background_pool_size": "2",
    "mark_cache_size": str(256 << 20),
    "timezone": "UTC",
}
# What an interactive chDB allows and a server does not.
SERVER_SETTINGS: Final = {"implicit_select": "0", "allow_introspection_functions": "0"}


def quoted(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Engine:
    """The opened data folder."""

    def __init__(self, folder: Path) -> None:
        _chdb.set_signal_handlers_enabled(0)
        options = "&".join(f"{name}={value}" for name, value in OPTIONS.items())
        self._address = str(folder)
        try:
            self._control = _chdb.connect(f"{folder}?{options}")
        except RuntimeError as error:
            raise from_engine(error) from error
        self._lock = threading.Lock()
        self.version = self._version()

    def _version(self) -> tuple[int, int, int]:
        numbers = self._ask("SELECT version()").split(".")
        return int(numbers[0]), int(numbers[1]), int(numbers[2])

    def _ask(self, sql: str) -> str:
        with self._lock:
            return str(self._control.query(sql, "TSVRaw").bytes().decode()).strip()

    def session(self, database: str) -> "EngineSession":
        return EngineSession(_chdb.connect(self._address), database)

    def kill(self, thread: int) -> None:
        """Cancels the query that this thread waits for."""
        self._ask(f"KILL QUERY WHERE has(thread_ids, {thread}) AND query_id != queryID() ASYNC")

    def kill_all(self) -> None:
        self._ask("KILL QUERY WHERE query_id != queryID() ASYNC")

    def close(self) -> None:
        self._control.close()


class EngineSession:
    """One client's connection to the engine, with its own settings and temporary tables."""

    def __init__(self, connection: Any, database: str) -> None:
        self._connection = connection
        self._own_settings = dict(SERVER_SETTINGS)
        self._query_settings: dict[str, str] = {}
        self._set_all(SERVER_SETTINGS)
        self.run(f"USE {identifier(database)}")

    def close(self) -> None:
        self._connection.close()

    def on_progress(self, callback: Any) -> None:
        self._connection.set_progress_callback(callback)

    # Settings

    def apply(self, settings: dict[str, str]) -> None:
        """Makes the settings of one query hold, and those of the last one no more."""
        if settings == self._query_settings:
            return
        self._restore()
        for name, value in settings.items():
            self._query_settings[name] = value
            self.run(f"SET {identifier(name)} = {quoted(value)}")

    def _restore(self) -> None:
        while self._query_settings:
            name, value = self._query_settings.popitem()
            try:
                self._reset(name)
            except ServerError as error:
                if error.code != errors.UNKNOWN_SETTING:
                    raise

    def _reset(self, name: str) -> None:
        own = self._own_settings.get(name)
        self.run(f"SET {identifier(name)} = {'DEFAULT' if own is None else quoted(own)}")

    def _set_all(self, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            self.run(f"SET {name} = {quoted(value)}")

    def set(self, text: str) -> None:
        """A SET of the client's, which outlives the query."""
        self._restore()
        self.run(text)
        changed = self._rows("SELECT name, value FROM system.settings WHERE changed", 2)
        self._own_settings = {name: value for name, value in changed}

    # Queries

    def run(self, sql: str, output_format: str = "Native") -> bytes:
        """The whole answer of a statement that does not stream."""
        try:
            return bytes(self._connection.query(sql, output_format).bytes())
        except RuntimeError as error:
            raise from_engine(error) from error

    def stream(self, sql: str) -> Iterator[tuple[bytes, int]]:
        """Blocks of a query's result with their numbers of rows, as the engine makes them."""
        try:
            result = self._connection.send_query(sql, "Native")
        except RuntimeError as error:
            raise from_engine(error) from error
        try:
            while (chunk := self._connection.streaming_fetch_result(result)).rows_read():
                yield chunk.bytes(), chunk.rows_read()
        except RuntimeError as error:
            raise from_engine(error) from error
        finally:
            self._connection.streaming_cancel_query(result)

    def _rows(self, sql: str, width: int) -> list[tuple[str, ...]]:
        """The first `width` columns, all strings, of every row."""
        source = ByteSource(bytes, self.run(sql, "RowBinaryWithNames"))
        columns = source.varint() if not source.exhausted() else 0
        source.skip_texts(columns)
        rows = []
        while not source.exhausted():
            rows.append(tuple(source.text() for _ in range(columns))[:width])
        return rows

    def header(self, statement: Statement) -> list[tuple[str, str]]:
        """The columns of an answer that has no rows."""
        if statement.streams:
            return [(name, kind) for name, kind in self._rows(f"DESCRIBE ({statement.text})", 2)]
        data = self.run(statement.text, "RowBinaryWithNamesAndTypes")
        source = ByteSource(bytes, data)
        count = source.varint()
        names = [source.text() for _ in range(count)]
        return [(name, source.text()) for name in names]

    def insert(self, head: str) -> "Insert":
        try:
            return Insert(self._connection, self._connection.send_insert(head, "Native"))
        except RuntimeError as error:
            raise from_engine(error) from error

    def insert_header(self, head: str) -> list[tuple[str, str]]:
        """Which columns, of which types, an INSERT expects."""
        table, columns = insert_target(head)
        described = self._rows(f"DESCRIBE TABLE {table}", 3)
        if columns is None:
            return [(name, kind) for name, kind, default in described if default in ("", "DEFAULT")]
        chosen = self._rows(f"DESCRIBE (SELECT {columns} FROM {table})", 2)
        return [(name, kind) for name, kind in chosen]

    # External tables

    def create_temporary(self, name: str, columns: list[tuple[str, str]]) -> None:
        spec = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns)
        self.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({spec})")

    def drop_temporary(self, name: str) -> None:
        self.run(f"DROP TEMPORARY TABLE {identifier(name)}")


class Insert:
    """An INSERT under way; what is appended is stored by `finish` only."""

    def __init__(self, connection: Any, handle: Any) -> None:
        self._connection = connection
        self._handle = handle

    def append(self, payload: bytes) -> None:
        try:
            self._connection.insert_append(self._handle, payload)
        except RuntimeError as error:
            raise from_engine(error) from error

    def finish(self) -> tuple[int, int]:
        """Rows and bytes written."""
        try:
            result = self._connection.insert_done(self._handle)
        except RuntimeError as error:
            raise from_engine(error) from error
        return result.rows_written(), result.bytes_written()

    def cancel(self) -> None:
        self._connection.insert_cancel(self._handle)


def blocks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The blocks of an answer that came in one piece, with their numbers of rows."""
    source = ByteSource(bytes, data)
    while not source.exhausted():
        source.mark()
        _, rows = native.read_block(source)
        yield source.since_mark(), rows
