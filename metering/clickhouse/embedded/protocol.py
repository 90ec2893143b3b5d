"""The packets of ClickHouse's native protocol, as the server reads and writes them."""

import socket
import threading
from dataclasses import dataclass
from typing import Final

from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]
from lz4 import block as lz4  # type: ignore[import-untyped]

from metering.clickhouse.embedded import errors, native
from metering.clickhouse.embedded.bytesource import ByteSource
from metering.clickhouse.embedded.errors import ProtocolError, ServerError

# The oldest revision whose settings are strings: later ones only add what has to be parsed.
REVISION: Final = 54429
TIMEZONE: Final = "UTC"
# The name of a client that does without the names and types of columns: of an answer without rows
# the engine tells them only by a second query, as dear as the first.
ROWS_ONLY: Final = "rows-only"

HELLO, QUERY, DATA, CANCEL, PING, TABLES_STATUS, KEEP_ALIVE, SCALAR = range(8)
_HELLO, _DATA, _EXCEPTION, _PROGRESS, _PONG, _END_OF_STREAM, _PROFILE_INFO = range(7)
_TABLES_STATUS_ANSWER = 9
_COMPLETE = 2
_TCP, _HTTP = 1, 2
_NO_BLOCK_INFO = bytes((1, 0, 2, 255, 255, 255, 255, 0))
_LZ4, _STORED = 0x82, 0x02
_FRAME_HEADER = 9
_VARINT_SIZE = 10
_RECEIVE_SIZE = 1 << 18
# Clients in C++ cut a long block into frames of 1 MiB; a shorter or longer one is a whole block. To
# find the end of a block is slow, so a frame is only looked into when it may have been cut.
_CUT_FRAME_SIZES = range((1 << 20) - 1024, (1 << 20) + 1)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who is calling, and for which database."""

    client: str
    revision: int
    database: str
    user: str
    password: str

    @property
    def wants_columns(self) -> bool:
        """Whether answers begin with the names and types of their columns, as from any server."""
        return self.client.split()[-1:] != [ROWS_ONLY]


@dataclass(frozen=True, slots=True)
class Query:
    """A statement to run, with its settings."""

    query_id: str
    settings: dict[str, str]
    stage: int
    compressed: bool
    text: str

    @property
    def is_complete(self) -> bool:
        """Whether the final result is wanted, not a partial state for another server."""
        return self.stage == _COMPLETE


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a table in the Native format."""

    table: str
    payload: bytes

    @property
    def is_end(self) -> bool:
        """A block without columns ends a series."""
        return self.payload[:1] == b"\x00"

    @property
    def width(self) -> int:
        """The number of columns."""
        return ByteSource(bytes, self.payload[:_VARINT_SIZE]).varint()

    @property
    def rows(self) -> int:
        source = ByteSource(bytes, self.payload[: 2 * _VARINT_SIZE])
        source.varint()
        return source.varint()

    def columns(self) -> list[tuple[str, str]]:
        """Names and types."""
        return native.read_block(ByteSource(bytes, self.payload))[0]


def varint(value: int) -> bytes:
    """An unsigned number in seven bits a byte, the least significant ones first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string after its length."""
    encoded = value.encode("utf-8", "surrogateescape")
    return varint(len(encoded)) + encoded


def _checksum(data: bytes) -> bytes:
    value: int = CityHash128(data)
    return (value >> 64).to_bytes(8, "little") + (value & (1 << 64) - 1).to_bytes(8, "little")


def _compressed(data: bytes) -> bytes:
    packed: bytes = lz4.compress(data, store_size=False)
    size = len(packed) + _FRAME_HEADER
    frame = bytes((_LZ4,)) + size.to_bytes(4, "little") + len(data).to_bytes(4, "little") + packed
    return _checksum(frame) + frame


def hello_packet(user: str, password: str) -> bytes:
    """What a client says first, and to which only a server that knows the password says hello."""
    names = (text("daybook"), varint(1), varint(0), varint(REVISION), text("default"))
    return b"".join((varint(HELLO), *names, text(user), text(password)))


class Wire:
    """One client's socket, packet by packet."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._source = ByteSource(lambda: connection.recv(_RECEIVE_SIZE))
        self._writing = threading.Lock()

    # Reading

    def ended(self) -> bool:
        """Whether the client has gone; waits for its next packet."""
        self._source.mark()
        return self._source.exhausted()

    def next_is(self, packet: int) -> bool:
        """Whether the next packet has arrived already and is this one."""
        return self._source.pending()[:1] == bytes((packet,))

    def packet(self) -> int:
        self._source.mark()
        return self._source.varint()

    def hello(self) -> Hello:
        source = self._source
        client = source.text()
        source.varint(), source.varint()
        return Hello(client, source.varint(), source.text(), source.text(), source.text())

    def query(self) -> Query:
        source = self._source
        query_id = source.text()
        self._skip_client_info()
        settings = {}
        while name := source.text():
            source.varint()  # flags: an unknown setting is refused, important or not
            settings[name] = source.text()
        stage, compressed = source.varint(), bool(source.varint())
        return Query(query_id, settings, stage, compressed, source.text())

    def _skip_client_info(self) -> None:
        source = self._source
        if not source.byte():
            return
        source.skip_texts(3)
        interface = source.byte()
        if interface == _TCP:
            source.skip_texts(3)
            source.varint(), source.varint(), source.varint()
        elif interface == _HTTP:
            source.byte()
            source.skip_texts(1)
        source.skip_texts(1)
        if interface == _TCP:
            source.varint()

    def tables(self) -> list[tuple[str, str]]:
        """Databases and tables whose state is asked for."""
        return [(self._source.text(), self._source.text()) for _ in range(self._source.varint())]

    def block(self, compressed: bool) -> Block:
        """The rest of a DATA packet."""
        table = self._source.text()
        return Block(table, self._frames() if compressed else self._plain_block(self._source))

    def _plain_block(self, source: ByteSource) -> bytes:
        _skip_block_info(source)
        source.mark()
        try:
            native.read_block(source)
        except native.OpaqueTypeError as error:
            message = f"Values of type {error} can only be sent compressed"
            raise ProtocolError(errors.NOT_IMPLEMENTED, message) from error
        return source.since_mark()

    def _frames(self) -> bytes:
        first = self._frame()
        if len(first) not in _CUT_FRAME_SIZES:
            return _without_block_info(first)
        try:
            return self._plain_block(ByteSource(self._frame, first))
        except ProtocolError:
            return _without_block_info(first)

    def _frame(self) -> bytes:
        source = self._source
        checksum, header = source.read(16), source.read(_FRAME_HEADER)
        size = int.from_bytes(header[1:5], "little")
        packed = source.read(size - _FRAME_HEADER)
        if _checksum(header + packed) != checksum:
            raise ProtocolError(errors.CHECKSUM_DOESNT_MATCH, "Checksum doesn't match")
        source.mark()
        if header[0] == _STORED:
            return packed
        if header[0] != _LZ4:
            message = f"Compression method {header[0]:#x} is not understood, only LZ4 and NONE"
            raise ProtocolError(errors.UNKNOWN_COMPRESSION_METHOD, message)
        size = int.from_bytes(header[5:], "little")
        return bytes(lz4.decompress(packed, uncompressed_size=size))

    # Writing

    def _send(self, *parts: bytes) -> None:
        with self._writing:
            self._socket.sendall(b"".join(parts))

    def send_hello(self, version: tuple[int, int, int], name: str) -> None:
        major, minor, patch = version
        self._send(
            *(varint(_HELLO), text("ClickHouse"), varint(major), varint(minor)),
            *(varint(REVISION), text(TIMEZONE), text(name), varint(patch)),
        )

    def send_pong(self) -> None:
        self._send(varint(_PONG))

    def send_block(self, payload: bytes, compressed: bool) -> None:
        block = _NO_BLOCK_INFO + payload
        self._send(varint(_DATA), text(""), _compressed(block) if compressed else block)

    def send_header(self, columns: list[tuple[str, str]], compressed: bool) -> None:
        """A block of columns without rows."""
        described = b"".join(text(name) + text(type_name) for name, type_name in columns)
        self.send_block(varint(len(columns)) + varint(0) + described, compressed)

    def send_progress(self, *increments: int) -> None:
        """Rows and bytes read, rows to read in all, rows and bytes written, since the last."""
        self._send(varint(_PROGRESS), *map(varint, increments))

    def send_profile(self, rows: int, blocks: int, size: int) -> None:
        limits = bytes((0, 0, 0))  # no limit applied, no count of rows before one
        self._send(varint(_PROFILE_INFO), varint(rows), varint(blocks), varint(size), limits)

    def send_existing(self, tables: list[tuple[str, str]]) -> None:
        """The tables, out of those asked for, that exist; none is replicated."""
        states = (text(database) + text(table) + b"\x00" for database, table in tables)
        self._send(varint(_TABLES_STATUS_ANSWER), varint(len(tables)), *states)

    def send_end(self) -> None:
        self._send(varint(_END_OF_STREAM))

    def send_error(self, error: ServerError) -> None:
        code = error.code.to_bytes(4, "little", signed=True)
        stack_trace, nested = text(""), b"\x00"
        packet = varint(_EXCEPTION)
        self._send(packet, code, text("DB::Exception"), text(error.message), stack_trace, nested)


def _skip_block_info(source: ByteSource) -> None:
    while field := source.varint():
        source.skip(1 if field == 1 else 4)


def _without_block_info(data: bytes) -> bytes:
    source = ByteSource(bytes, data)
    _skip_block_info(source)
    return data[source.skip(0) :]
