"""The opened data folder: sessions on it, and the end of queries in them."""

import threading
from pathlib import Path
from typing import Final

from metering.clickhouse.embedded import chdb_api
from metering.clickhouse.embedded.engine_session import EngineSession
from metering.clickhouse.embedded.errors import from_engine
from metering.clickhouse.embedded.structures import Structures

# Sized for a laptop that does other things as well.
OPTIONS: Final = {
    "max_server_memory_usage_to_ram_ratio": "0.5",
    "background_pool_size": "2",
    "mark_cache_size": str(256 << 20),
}


class Engine:
    """chDB on one folder; no other process may open it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        options = "&".join(f"{name}={value}" for name, value in OPTIONS.items())
        try:
            self._control = chdb_api.connect(f"{folder}?{options}")
        except RuntimeError as error:
            raise from_engine(error) from error
        self._lock = threading.Lock()
        self._structures = Structures()
        self.version = self._version()

    def _version(self) -> tuple[int, int, int]:
        major, minor, patch = self._ask("SELECT version()").split(".")[:3]
        return int(major), int(minor), int(patch)

    def _ask(self, sql: str) -> str:
        with self._lock:
            return self._control.query(sql, "TSVRaw").bytes().decode().strip()

    def session(self, database: str) -> EngineSession:
        return EngineSession(lambda: chdb_api.connect(self._folder), database, self._structures)

    def kill(self, thread: int) -> None:
        """Cancels the query that this thread of ours waits for."""
        self._ask(f"KILL QUERY WHERE has(thread_ids, {thread}) AND query_id != queryID() ASYNC")

    def kill_all(self) -> None:
        self._ask("KILL QUERY WHERE query_id != queryID() ASYNC")

    def close(self) -> None:
        with self._lock:
            self._control.close()
