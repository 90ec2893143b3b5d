"""One client's session with the engine: its settings, queries, inserts, temporary tables."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Final

from metering.clickhouse.embedded import errors, native
from metering.clickhouse.embedded.bytesource import ByteSource
from metering.clickhouse.embedded.chdb_api import Connection
from metering.clickhouse.embedded.errors import ServerError, from_engine
from metering.clickhouse.embedded.statement import Statement, insert_target, plain_names

# What chDB, made for interactive use, sets otherwise than a server.
SERVER_SETTINGS: Final = {"implicit_select": "0", "allow_introspection_functions": "0"}

# ClickHouse's own client sends this with every query, and SET does not take it.
_ALREADY_SO: Final = {("run_query_in_background", "0"), ("run_query_in_background", "false")}

_INSERTABLE: Final = ("", "DEFAULT")

Columns = list[tuple[str, str]]


def quoted(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Gives the engine's errors their codes."""
    try:
        yield
    except RuntimeError as error:
        raise from_engine(error) from error


class EngineSession:
    """A connection to chDB that keeps the settings of a query apart from those of the client."""

    def __init__(self, connect: Callable[[], Connection], database: str) -> None:
        self._connect = connect
        self._own_settings = dict(SERVER_SETTINGS)
        self._query_settings: dict[str, str] = {}
        self._progress: Callable[[dict[str, int]], None] = lambda _: None
        self._open(database)

    def _open(self, database: str) -> None:
        self._connection = self._connect()
        self._connection.set_progress_callback(self._progress)
        for name, value in self._own_settings.items():
            self._set(name, value)
        self.use(f"USE {identifier(database)}")

    def close(self) -> None:
        self._connection.close()

    def on_progress(self, report: Callable[[dict[str, int]], None]) -> None:
        self._progress = report
        self._connection.set_progress_callback(report)

    # Settings

    def apply(self, settings: dict[str, str]) -> None:
        """Makes the settings of one query hold, and those of the last one no more."""
        if settings == self._query_settings:
            return
        self._restore()
        for name, value in settings.items():
            self._query_settings[name] = value
            if (name, value) not in _ALREADY_SO:
                self._set(name, value)

    def _set(self, name: str, value: str | None) -> None:
        self.run(f"SET {identifier(name)} = {'DEFAULT' if value is None else quoted(value)}")

    def _restore(self) -> None:
        """Forgets the settings of the last query; some, like readonly, cannot be taken back."""
        try:
            while self._query_settings:
                name, _ = self._query_settings.popitem()
                self._restore_one(name)
        except ServerError:
            self._reopen()

    def _restore_one(self, name: str) -> None:
        try:
            self._set(name, self._own_settings.get(name))
        except ServerError as error:
            # It was refused, so there is nothing to undo.
            if error.code not in (errors.UNKNOWN_SETTING, errors.BAD_ARGUMENTS):
                raise

    def _reopen(self) -> None:
        temporary = self._rows("SELECT name FROM system.tables WHERE is_temporary")
        if temporary:
            message = f"The session cannot leave readonly mode without losing {temporary[0][0]}"
            raise ServerError(errors.READONLY, message)
        self._connection.close()
        self._query_settings.clear()
        self._open(self._database)

    def set_own(self, text: str) -> None:
        """A SET by the client, which holds until it leaves."""
        self._restore()
        self.run(text)
        changed = "SELECT name, value FROM system.settings WHERE changed AND name != 'database'"
        self._own_settings = {name: value for name, value, *_ in self._rows(changed)}

    def use(self, text: str) -> None:
        self.run(text)
        self._database = self._rows("SELECT currentDatabase()")[0][0]

    # Queries

    def run(self, sql: str, output_format: str = "Native") -> bytes:
        """The whole answer of a statement that cannot be streamed."""
        with engine_errors():
            return self._connection.query(sql, output_format).bytes()

    def write(self, sql: str) -> int:
        """Runs an INSERT ... SELECT; the number of rows written, those of views included."""
        with engine_errors():
            return self._connection.query(sql, "Null").rows_written()

    def run_blocks(self, sql: str) -> Generator[tuple[bytes, int]]:
        """The same in its blocks, with their numbers of rows."""
        source = ByteSource(bytes, self.run(sql))
        while not source.exhausted():
            source.mark()
            _, rows = native.read_block(source)
            yield source.since_mark(), rows

    def stream(self, sql: str) -> Generator[tuple[bytes, int]]:
        """Blocks of a query's result with their numbers of rows, made as they are asked for."""
        with engine_errors():
            result = self._connection.send_query(sql, "Native")
        exhausted = False
        try:
            with engine_errors():
                while (block := self._connection.streaming_fetch_result(result)).rows_read():
                    yield block.bytes(), block.rows_read()
            exhausted = True
        finally:
            if not exhausted:
                self._connection.streaming_cancel_query(result)

    def header(self, statement: Statement) -> Columns:
        """The columns of an answer that has no rows to show them."""
        if statement.streams:
            return self._columns(statement.text)
        source = ByteSource(bytes, self.run(statement.text, "RowBinaryWithNamesAndTypes"))
        count = source.varint()
        names = [source.text() for _ in range(count)]
        return [(name, source.text()) for name in names]

    def exists(self, database: str, table: str) -> bool:
        name = f"{identifier(database or self._database)}.{identifier(table)}"
        return self.run(f"EXISTS TABLE {name}", "TSV").strip() == b"1"

    def _columns(self, select: str) -> Columns:
        return [(name, kind) for name, kind, *_ in self._rows(f"DESCRIBE ({select}\n)")]

    def _rows(self, sql: str) -> list[tuple[str, ...]]:
        """The rows of an answer whose columns are all strings."""
        source = ByteSource(bytes, self.run(sql, "RowBinaryWithNames"))
        columns = 0 if source.exhausted() else source.varint()
        source.skip_texts(columns)
        rows = []
        while not source.exhausted():
            rows.append(tuple(source.text() for _ in range(columns)))
        return rows

    # Inserts and temporary tables

    def insert_columns(self, head: str) -> Columns:
        """Which columns, of which types, an INSERT expects."""
        table, chosen = insert_target(head)
        described = self._rows(f"DESCRIBE TABLE {table}")
        if chosen is None:
            return [(name, kind) for name, kind, default, *_ in described if default in _INSERTABLE]
        types = {name: kind for name, kind, *_ in described}
        names = plain_names(chosen)
        if names is None or not types.keys() >= set(names):
            return self._columns(f"SELECT {chosen}\n FROM {table}")
        return [(name, types[name]) for name in names]

    @property
    def deduplicates_inserts(self) -> bool:
        name = "deduplicate_insert"
        return self._query_settings.get(name, self._own_settings.get(name)) != "disable"

    @contextlib.contextmanager
    def announced(self, head: str) -> Iterator[None]:
        """Shows an INSERT in system.processes from its first packet on, and checks it early.

        The engine allows one statement at a time on a connection, so this takes a second one,
        which knows no temporary tables: an INSERT into one of these stays unannounced.
        """
        other = self._connect()
        try:
            handle = _announce(other, self._database, head)
            try:
                yield
            finally:
                if handle is not None:
                    other.insert_cancel(handle)
        finally:
            other.close()

    @contextlib.contextmanager
    def temporary_table(self, name: str, columns: Columns) -> Iterator[None]:
        """A table that came with a query and goes with it."""
        listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns)
        self.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({listed})")
        try:
            yield
        finally:
            self.run(f"DROP TEMPORARY TABLE {identifier(name)}")


def _announce(connection: Connection, database: str, head: str) -> object | None:
    with engine_errors():
        connection.query(f"USE {identifier(database)}", "Null")
    try:
        with engine_errors():
            return connection.send_insert(head, "Native")
    except ServerError as error:
        if error.code != errors.UNKNOWN_TABLE:
            raise
        return None
