"""The part of chDB's Python module that is used here, with types: the only import of chdb."""

import os
from collections.abc import Callable
from typing import Protocol, cast

# The engine takes its default time zone from the environment when it is loaded.
os.environ["TZ"] = "UTC"
from chdb import _chdb


class Result(Protocol):
    """A whole answer, one block of a streamed one, or what an INSERT did."""

    def bytes(self) -> bytes: ...
    def rows_read(self) -> int: ...
    def rows_written(self) -> int: ...
    def bytes_written(self) -> int: ...


class Connection(Protocol):
    """One session of the engine; every error is a RuntimeError with the engine's text."""

    def query(self, sql: str, output_format: str) -> Result: ...
    def send_query(self, sql: str, output_format: str) -> object: ...
    def streaming_fetch_result(self, stream: object) -> Result: ...
    def streaming_cancel_query(self, stream: object) -> None: ...
    def set_progress_callback(self, callback: Callable[[dict[str, int]], None]) -> None: ...
    def close(self) -> None: ...


def connect(address: str) -> Connection:
    """Opens a session on a folder, `address` being its path and ?options for the first one."""
    module = cast("_Module", _chdb)
    # The process has its own handlers, and an embedded engine must not take them away.
    module.set_signal_handlers_enabled(0)
    return module.connect(address)


class _Module(Protocol):
    def set_signal_handlers_enabled(self, enabled: int) -> None: ...
    def connect(self, address: str) -> Connection: ...
