"""The one door to ClickHouse: a server when CLICKHOUSE_URL is set, else the embedded one.

A client serves one query at a time and is kept for the next, whoever asks: of a hundred threads a
few talk to the store at once, and a connection holds megabytes. An embedded server that was killed
is started again by whoever needs it next.
"""

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors
from django.conf import settings

from metering.clickhouse import cluster
from metering.clickhouse.embedded.errors import EmbeddedError
from metering.clickhouse.embedded.launch import ensure_running
from metering.clickhouse.embedded.protocol import ROWS_ONLY

# Settings of a query whose groups may be more than memory holds: past this they go to disk.
BOUNDED: dict[str, object] = {"max_bytes_before_external_group_by": 1 << 30}

Params = Mapping[str, object]
Row = tuple[Any, ...]
Result = TypeVar("Result")

# Error codes with which a ClickHouse server says "not now" rather than "never".
_NOT_NOW = frozenset(
    {
        driver_errors.ErrorCodes.TIMEOUT_EXCEEDED,
        driver_errors.ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        driver_errors.ErrorCodes.NETWORK_ERROR,
        driver_errors.ErrorCodes.SOCKET_TIMEOUT,
        driver_errors.ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        driver_errors.ErrorCodes.TABLE_IS_READ_ONLY,
        driver_errors.ErrorCodes.NOT_ENOUGH_SPACE,
        driver_errors.ErrorCodes.TOO_MANY_PARTS,
        driver_errors.ErrorCodes.ABORTED,
        394,  # QUERY_WAS_CANCELLED, as when the server shuts down
        # A cluster that lost a server, its Keeper, or most replicas of a shard
        driver_errors.ErrorCodes.ALL_CONNECTION_TRIES_FAILED,
        driver_errors.ErrorCodes.ALL_REPLICAS_ARE_STALE,
        driver_errors.ErrorCodes.NO_ZOOKEEPER,
        driver_errors.ErrorCodes.TOO_LESS_LIVE_REPLICAS,
        driver_errors.ErrorCodes.UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE,
        driver_errors.ErrorCodes.UNKNOWN_STATUS_OF_INSERT,
        driver_errors.ErrorCodes.KEEPER_EXCEPTION,
    }
)
_DISCONNECTED = (driver_errors.NetworkError, driver_errors.SocketTimeoutError, OSError, EOFError)

# The same with every query: a change of settings costs the embedded server as much as a query.
_SETTINGS = {
    # Stored and visible when an insert returns; a server may have another default.
    "async_insert": 0,
    # A client may send what happened over years.
    "max_partitions_per_insert_block": 0,
    # A query may name thousands of tasks, each of up to 512 characters.
    "max_query_size": 16 * 1024**2,
}
_TOKEN = secrets.token_hex(8)

_idle: list[Client] = []
_lock = threading.Lock()


class StoreUnavailable(Exception):
    """ClickHouse cannot be reached, or cannot do this now; the same call may work later."""


@contextmanager
def _client() -> Iterator[Client]:
    """A connected client, the one that was used last; kept afterwards if nothing went wrong."""
    with _lock:
        own = _idle.pop() if _idle else None
    own = own or open_client()
    try:
        yield own
    except BaseException:
        own.disconnect()
        raise
    with _lock:
        _idle.append(own)


def _execute(sql: str, data: object, **options: object) -> Any:
    with _client() as own:
        return own.execute(sql, data, **options)


def process_name() -> str:
    """Tells the running queries of this process from those of all others: their log_comment."""
    return f"daybook {_TOKEN} {os.getpid()}"


def open_client() -> Client:
    """A client of its own; on a cluster with the settings that make it one store."""
    opened = Client.from_url(_url())
    opened.settings.update(_SETTINGS | {"log_comment": process_name()})
    if settings.CLICKHOUSE_CLUSTER:
        timeout = {"insert_quorum_timeout": 1000 * settings.INGEST_COMMIT_SECONDS}
        opened.settings.update(cluster.SETTINGS | timeout)
    return opened


def disconnect() -> None:
    """Close every client that is not in use; the next call opens another."""
    with _lock:
        unused = _idle.copy()
        _idle.clear()
    for one in unused:
        one.disconnect()


os.register_at_fork(after_in_child=_idle.clear)


def select(sql: str, params: Params | None = None, **settings_: object) -> list[Row]:
    """All rows of a query; tried again once, since a kept connection may be a dead one."""

    def run() -> list[Row]:
        rows: list[Row] = _execute(sql, dict(params or {}), settings=settings_)
        return rows

    try:
        return _reported(run)
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, _DISCONNECTED):
            raise
        return _reported(run)


def stream(sql: str, params: Params | None = None, **settings_: object) -> Iterator[Row]:
    """Rows as they arrive, in constant memory, over a connection of their own."""
    own = open_client()
    try:
        rows = _reported(lambda: own.execute_iter(sql, dict(params or {}), settings=settings_))
        # By the hundred, for asking for each row costs more than the row.
        while some := _reported(lambda: list(islice(rows, 100))):
            yield from some
    finally:
        own.disconnect()


def insert(
    table: str, columns: Sequence[str], data: Sequence[Sequence[Any]], **settings_: object
) -> None:
    """Write one block; `data` holds a sequence for each column. Never tried again by itself."""
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
    _reported(lambda: _execute(sql, data, columnar=True, types_check=False, settings=settings_))


def command(sql: str, params: Params | None = None, **settings_: object) -> None:
    """Run a statement that gives no rows. Never tried again by itself."""
    _reported(lambda: _execute(sql, dict(params or {}), settings=settings_))


@lru_cache(maxsize=1)
def _cached_url() -> str:
    if settings.CLICKHOUSE_URL:
        return str(settings.CLICKHOUSE_URL)
    # To find the end of a block that is not compressed, the embedded server has to parse it.
    return (
        ensure_running(settings.DATA_DIR / "clickhouse")
        + f"?compression=lz4&client_name={ROWS_ONLY}"
    )


def _url() -> str:
    try:
        return _cached_url()
    except EmbeddedError as error:
        raise StoreUnavailable(str(error)) from error


def forget_url() -> None:
    """Ask again where the server is, as after its restart on another port."""
    _cached_url.cache_clear()


def _reported(call: Callable[[], Result]) -> Result:
    """The call's result, with every reason to try later turned into StoreUnavailable."""
    try:
        return call()
    except _DISCONNECTED as error:
        disconnect()
        forget_url()
        raise StoreUnavailable(f"the event store does not answer: {_first_line(error)}") from error
    except driver_errors.ServerException as error:
        if error.code not in _NOT_NOW:
            raise
        raise StoreUnavailable(f"the event store is busy: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
