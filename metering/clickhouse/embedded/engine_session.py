"""One client's session with the engine: its settings, queries, inserts, temporary tables."""

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final

from metering.clickhouse.embedded import errors, native
from metering.clickhouse.embedded.bytesource import ByteSource
from metering.clickhouse.embedded.chdb_api import Connection
from metering.clickhouse.embedded.errors import ServerError, from_engine
from metering.clickhouse.embedded.statement import Statement, insert_target, plain_names
from metering.clickhouse.embedded.structures import Columns, Structures

# What chDB, made for interactive use, sets otherwise than a server.
SERVER_SETTINGS: Final = {"implicit_select": "0", "allow_introspection_functions": "0"}

# ClickHouse's own client sends this with every query, and SET does not take it.
_ALREADY_SO: Final = {("run_query_in_background", "0"), ("run_query_in_background", "false")}

_INSERTABLE: Final = ("", "DEFAULT")


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

    def __init__(
        self, connect: Callable[[], Connection], database: str, structures: Structures
    ) -> None:
        self._connect = connect
        self._structures = structures
        # A temporary table may bear the name of another, and is this session's alone.
        self._has_own_tables = False
        self._own_settings = dict(SERVER_SETTINGS)
        self._query_settings: dict[str, str] = {}
        self._progress: Callable[[dict[str, int]], None] = lambda _: None
        self._open(database)

    def _open(self, database: str) -> None:
        self._connection = self._connect()
        self._connection.set_progress_callback(self._progress)
        self._set(self._own_settings)
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
        self._query_settings = dict(settings)
        self._set({n: v for n, v in settings.items() if (n, v) not in _ALREADY_SO})

    def _set(self, settings: Mapping[str, str | None]) -> None:
        """All in one statement; None is the default."""
        if settings:
            changes = (
                f"{identifier(name)} = {'DEFAULT' if value is None else quoted(value)}"
                for name, value in settings.items()
            )
            self.run(f"SET {', '.join(changes)}")

    def _restore(self) -> None:
        """Forgets the settings of the last query; some, like readonly, cannot be taken back."""
        former = {name: self._own_settings.get(name) for name in self._query_settings}
        try:
            self._set(former)
        except ServerError:
            self._restore_each(former)
        self._query_settings = {}

    def _restore_each(self, former: Mapping[str, str | None]) -> None:
        for name, value in former.items():
            try:
                self._set({name: value})
            except ServerError as error:
                # What was refused needs no undoing.
                if error.code not in (errors.UNKNOWN_SETTING, errors.BAD_ARGUMENTS):
                    self._reopen()
                    return

    def _reopen(self) -> None:
        temporary = self._rows("SELECT name FROM system.tables WHERE is_temporary")
        if temporary:
            message = f"The session cannot leave readonly mode without losing {temporary[0][0]}"
            raise ServerError(errors.READONLY, message)
        self._connection.close()
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
        if self._has_own_tables:
            return self._described(head)
        return self._structures.of(self._database, head, lambda: self._described(head))

    def _described(self, head: str) -> Columns:
        table, chosen = insert_target(head)
        described = self._rows(f"DESCRIBE TABLE {table}")
        if chosen is None:
            return [(name, kind) for name, kind, default, *_ in described if default in _INSERTABLE]
        types = {name: kind for name, kind, *_ in described}
        names = plain_names(chosen)
        if names is None:
            return self._columns(f"SELECT {chosen}\n FROM {table}")
        if missing := [name for name in names if name not in types]:
            message = f"No such column {missing[0]} in table {table}"
            raise ServerError(errors.NO_SUCH_COLUMN_IN_TABLE, message)
        return [(name, types[name]) for name in names]

    @contextlib.contextmanager
    def changing(self, statement: Statement) -> Iterator[None]:
        """Around a statement that may change a table."""
        self._has_own_tables |= statement.kind == "CREATE"
        with self._structures.changing():
            yield

    @property
    def deduplicates_inserts(self) -> bool:
        name = "deduplicate_insert"
        return self._query_settings.get(name, self._own_settings.get(name)) != "disable"

    @contextlib.contextmanager
    def temporary_table(self, name: str, columns: Columns) -> Iterator[None]:
        """A table that came with a query and goes with it."""
        self._has_own_tables = True
        listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns)
        self.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({listed})")
        try:
            yield
        finally:
            self.run(f"DROP TEMPORARY TABLE {identifier(name)}")
