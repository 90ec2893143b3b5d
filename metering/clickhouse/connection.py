"""The one door to ClickHouse: a server when CLICKHOUSE_URL is set, else the embedded one.

Clients are kept per thread, for clickhouse-driver's are not to be shared. An embedded server that
was killed is started again by whoever needs it next.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors
from django.conf import settings

from metering.clickhouse import cluster
from metering.clickhouse.embedded.errors import EmbeddedError
from metering.clickhouse.embedded.launch import ensure_running

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

_local = threading.local()


class StoreUnavailable(Exception):
    """ClickHouse cannot be reached, or cannot do this now; the same call may work later."""


def client() -> Client:
    """This thread's client, connected to the running server."""
    if getattr(_local, "client", None) is None:
        _local.client = open_client()
    found: Client = _local.client
    return found


def open_client() -> Client:
    """A client of its own; on a cluster with the settings that make it one store."""
    opened = Client.from_url(_url())
    if settings.CLICKHOUSE_CLUSTER:
        timeout = {"insert_quorum_timeout": 1000 * settings.INGEST_COMMIT_SECONDS}
        opened.settings.update(cluster.SETTINGS | timeout)
    return opened


def disconnect() -> None:
    """Close this thread's client; the next call opens another."""
    if getattr(_local, "client", None) is not None:
        _local.client.disconnect()
        _local.client = None


def select(sql: str, params: Params | None = None, **settings_: object) -> list[Row]:
    """All rows of a query; tried again once, since a kept connection may be a dead one."""

    def run() -> list[Row]:
        rows: list[Row] = client().execute(sql, dict(params or {}), settings=settings_)
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
        while (row := _reported(lambda: next(rows, None))) is not None:
            yield row
    finally:
        own.disconnect()


def insert(
    table: str, columns: Sequence[str], data: Sequence[Sequence[Any]], **settings_: object
) -> None:
    """Write one block; `data` holds a sequence for each column. Never tried again by itself."""
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
    # Stored and visible when this returns; a server may have asynchronous inserts as its default.
    settings_ = {"async_insert": 0, **settings_}
    _reported(
        lambda: client().execute(sql, data, columnar=True, types_check=False, settings=settings_)
    )


def command(sql: str, params: Params | None = None, **settings_: object) -> None:
    """Run a statement that gives no rows. Never tried again by itself."""
    _reported(lambda: client().execute(sql, dict(params or {}), settings=settings_))


@lru_cache(maxsize=1)
def _cached_url() -> str:
    if settings.CLICKHOUSE_URL:
        return str(settings.CLICKHOUSE_URL)
    return ensure_running(settings.DATA_DIR / "clickhouse")


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
