"""One client connection: its packets in, the engine's answers out."""

import contextlib
import hmac
import logging
import socket
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from metering.clickhouse.embedded import errors, protocol, statement
from metering.clickhouse.embedded.engine_session import identifier
from metering.clickhouse.embedded.errors import ProtocolError, ServerError
from metering.clickhouse.embedded.insert import Insert
from metering.clickhouse.embedded.native import OpaqueTypeError
from metering.clickhouse.embedded.protocol import Query, Wire
from metering.clickhouse.embedded.statement import Statement

if TYPE_CHECKING:
    from metering.clickhouse.embedded.server import Server

logger = logging.getLogger(__name__)

# How long a client may leave a packet of ours unread, or an INSERT of its own unfinished.
STALLED_SECONDS = 300
# How long it may take to say hello, or to hear that it was refused.
GREETING_SECONDS = 10


class Session:
    """Serves one client until it goes."""

    def __init__(self, connection: socket.socket, server: "Server") -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._server = server
        self._wire = Wire(connection)
        self._compressed = False
        self.is_busy = False
        self.cancelled = False

    def serve(self) -> None:
        """Answers packet after packet; whatever goes wrong ends this connection only."""
        with self._socket, contextlib.suppress(OSError, EOFError):
            try:
                self._greet()
            except ServerError as error:
                self._leave(error)

    def _leave(self, error: ServerError) -> None:
        """Says why, and lets the client finish its sentence: a reset would swallow the reason."""
        self._wire.send_error(error)
        self._socket.shutdown(socket.SHUT_WR)
        self._socket.settimeout(GREETING_SECONDS)
        while self._socket.recv(1 << 16):
            pass

    def end(self, *, at_once: bool = False) -> None:
        """Ends the connection when nothing is under way, or in the middle (from another thread)."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR if at_once else socket.SHUT_RD)

    def _greet(self) -> None:
        self._socket.settimeout(GREETING_SECONDS)
        if self._wire.packet() != protocol.HELLO:
            raise ServerError(errors.UNEXPECTED_PACKET_FROM_CLIENT, "Expected Hello")
        hello = self._wire.hello()
        if hello.revision < protocol.REVISION:
            raise ServerError(errors.NOT_IMPLEMENTED, "The client's protocol is too old")
        self._authenticate(hello)
        self._wants_columns = hello.wants_columns
        self._engine = self._server.engine.session(hello.database or "default")
        try:
            self._wire.send_hello(self._server.engine.version, self._server.name)
            self._progress = Progress(self._wire)
            self._engine.on_progress(self._progress.report)
            self._answer_packets()
        finally:
            self._engine.close()

    def _authenticate(self, hello: protocol.Hello) -> None:
        password = hello.password.encode("utf-8", "surrogateescape")
        known = hmac.compare_digest(password, self._server.password.encode())
        if hello.user != "default" or not known:
            reason = "password is incorrect, or there is no user with such name"
            message = f"{hello.user}: Authentication failed: {reason}"
            raise ProtocolError(errors.AUTHENTICATION_FAILED, message)

    def _answer_packets(self) -> None:
        while not (self._server.is_stopping or self._has_left()):
            self.is_busy = True
            self._socket.settimeout(STALLED_SECONDS)
            self._answer(self._wire.packet())
            self.is_busy = False

    def _has_left(self) -> bool:
        """Waits for the next packet, for as long as that takes."""
        self._socket.settimeout(None)
        return self._wire.ended()

    def _answer(self, packet: int) -> None:
        if packet == protocol.PING:
            self._wire.send_pong()
        elif packet == protocol.QUERY:
            self._answer_query()
        elif packet == protocol.TABLES_STATUS:
            tables = self._wire.tables()
            self._wire.send_existing([table for table in tables if self._engine.exists(*table)])
        elif packet == protocol.DATA:
            raise ServerError(errors.UNEXPECTED_PACKET_FROM_CLIENT, "Unexpected packet Data")
        elif packet not in (protocol.CANCEL, protocol.KEEP_ALIVE):  # a cancel can come too late
            message = f"Unknown packet {packet} from client"
            raise ServerError(errors.UNKNOWN_PACKET_FROM_CLIENT, message)

    # One query

    def _answer_query(self) -> None:
        query = self._wire.query()
        self._compressed = query.compressed
        external = self._read_external()
        self.cancelled = False
        try:
            with self._server.running(query.query_id):
                self._run(query, external)
        except ProtocolError:
            raise
        except ServerError as error:
            if self.cancelled and error.code == errors.QUERY_WAS_CANCELLED:
                self._wire.send_end()
            else:
                self._wire.send_error(error)
        else:
            self._wire.send_end()

    def _read_external(self) -> list[protocol.Block]:
        """The tables that came with the query."""
        return list(self._blocks())

    def _blocks(self) -> Iterator[protocol.Block]:
        """DATA packets up to the one that ends the series."""
        while True:
            packet = self._wire.packet()
            if packet not in (protocol.DATA, protocol.SCALAR):
                message = f"Unexpected packet {packet}, expected Data"
                raise ProtocolError(errors.UNEXPECTED_PACKET_FROM_CLIENT, message)
            block = self._wire.block(self._compressed)
            # Scalars are an optimisation: a query that needs one says so, in the engine.
            if packet == protocol.SCALAR:
                continue
            if block.is_end:
                return
            yield block

    def _run(self, query: Query, external: list[protocol.Block]) -> None:
        if not query.is_complete:
            message = "Only complete results are given, no intermediate states"
            raise ServerError(errors.NOT_IMPLEMENTED, message)
        if query.settings.get("extremes", "0").lower() not in ("0", "false"):
            raise ServerError(errors.NOT_IMPLEMENTED, "The setting extremes is not supported")
        parsed = statement.parse(query.text)
        self._engine.apply(query.settings)
        with contextlib.ExitStack() as stack:
            self._fill(stack, external)
            self._dispatch(parsed)

    def _dispatch(self, parsed: Statement) -> None:
        if parsed.takes_data:
            self._insert(parsed.text)
        elif parsed.kind == "SET":
            self._engine.set_own(parsed.text)
        elif parsed.kind == "USE":
            self._engine.use(parsed.text)
        elif parsed.streams or parsed.answers or parsed.kind == "INSERT":
            self._execute(parsed)
        else:
            with self._engine.changing(parsed):
                self._execute(parsed)

    def _fill(self, stack: contextlib.ExitStack, external: list[protocol.Block]) -> None:
        """Makes temporary tables of what came with the query."""
        created: set[str] = set()
        for block in external:
            columns = block.columns()
            if block.table not in created:
                stack.enter_context(self._engine.temporary_table(block.table, columns))
                created.add(block.table)
            insert = Insert(self._engine, f"INSERT INTO {identifier(block.table)}", columns)
            with contextlib.closing(insert):
                insert.append(block)
                insert.finish()

    def _execute(self, parsed: Statement) -> None:
        rows = count = size = 0
        with (
            self._server.watch(self._socket, self._cancel),
            self._progress.reported(),
            contextlib.closing(self._result(parsed)) as result,
        ):
            for payload, block_rows in result:
                if self._wants_columns and not count:
                    self._send_header(parsed, payload)
                self._wire.send_block(payload, self._compressed)
                rows, count, size = rows + block_rows, count + 1, size + len(payload)
                if self.cancelled or self._wire.next_is(protocol.CANCEL):
                    break
        if self._wants_columns and not count and (parsed.streams or parsed.answers):
            self._send_header(parsed)
        self._wire.send_profile(rows, count, size)

    def _send_header(self, parsed: Statement, first: bytes = b"") -> None:
        """Clients learn the columns from a block without rows, which the engine never makes."""
        try:
            columns = protocol.Block("", first).columns() if first else self._engine.header(parsed)
        except OpaqueTypeError:
            columns = self._engine.header(parsed)
        self._wire.send_header(columns, self._compressed)

    def _result(self, parsed: Statement) -> Generator[tuple[bytes, int]]:
        if parsed.streams:
            return self._engine.stream(parsed.text)
        return self._engine.run_blocks(parsed.text)

    def _cancel(self, thread: int) -> None:
        """Called by the watcher when the client cancelled or went."""
        self.cancelled = True
        self._server.engine.kill(thread)

    # INSERT

    def _insert(self, head: str) -> None:
        columns = self._engine.insert_columns(head)
        with contextlib.closing(Insert(self._engine, head, columns)) as insert:
            self._wire.send_header(columns, self._compressed)
            self._take_rows(insert)
            with self._server.watch(self._socket, self._cancel), self._progress.reported():
                insert.finish()

    def _take_rows(self, insert: Insert) -> None:
        """Appends what comes; after an error it still reads to the end, to stay in step."""
        failure: ServerError | None = None
        for block in self._blocks():
            if failure is None and block.rows:
                try:
                    insert.append(block)
                except ServerError as error:
                    failure = error
        if failure is not None:
            raise failure


class Progress:
    """Turns the engine's running totals into the protocol's increments."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._sent: tuple[int, ...] | None = None

    @contextlib.contextmanager
    def reported(self) -> Iterator[None]:
        """Reports on the one query in the block, not on what the server asks for itself."""
        with self._lock:
            self._sent = (0, 0, 0, 0, 0)
        try:
            yield
        finally:
            with self._lock:
                self._sent = None

    def report(self, totals: dict[str, int]) -> None:
        names = ("read_rows", "read_bytes", "total_rows_to_read", "written_rows", "written_bytes")
        now = tuple(totals[name] for name in names)
        with self._lock, contextlib.suppress(OSError):
            if self._sent is None:
                return
            increments = [max(0, new - old) for new, old in zip(now, self._sent, strict=True)]
            self._sent = now
            if any(increments):
                self._wire.send_progress(*increments)
