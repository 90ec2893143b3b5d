"""One INSERT, from its first block to the moment its rows are stored.

The blocks of an INSERT are kept in a file without a name until the client has sent them all,
and are then one insert of the engine: what is refused or cut on the way stores nothing. The
engine writes in blocks of about a million rows (`min_insert_block_size_rows`, `_bytes`); what
reaches one partition in one of them is one part, that is there wholly or not at all.

Why not the engine's own streaming insert: it reports success when storing failed, as when a
constraint is violated, a limit is reached or the insert was killed.
"""

import tempfile
from pathlib import Path
from typing import Final

from metering.clickhouse.embedded import errors
from metering.clickhouse.embedded.engine_session import EngineSession, identifier, quoted
from metering.clickhouse.embedded.errors import ServerError
from metering.clickhouse.embedded.protocol import Block
from metering.clickhouse.embedded.structures import Columns

# Rows keep the order in which they came; a block with a foreign column is refused; settings
# that are about results do not touch the rows of an INSERT.
_SETTINGS: Final = (
    "max_insert_threads = 1, parallelize_output_from_storages = 0, "
    "input_format_skip_unknown_fields = 0, "
    "limit = 0, offset = 0, additional_result_filter = ''"
)


class Insert:
    """Collects blocks; `finish` stores them."""

    def __init__(self, session: EngineSession, head: str, columns: Columns) -> None:
        self._session = session
        self._head = head
        self._columns = columns
        self._spool = tempfile.TemporaryFile(dir=_spool_folder())  # noqa: SIM115 (`close` does)
        self._rows = 0

    def close(self) -> None:
        self._spool.close()

    def append(self, block: Block) -> None:
        expected = len(self._columns)
        if block.width != expected:
            message = f"Block structure mismatch: {expected} columns expected, {block.width} came"
            raise ServerError(errors.BLOCKS_HAVE_DIFFERENT_STRUCTURE, message)
        self._rows += block.rows
        self._spool.write(block.payload)

    def finish(self) -> None:
        if self._rows:
            self._spool.flush()
            self._spool.seek(0)
            written = self._session.write(self._sql())
            if written < self._rows:
                message = f"{self._rows} rows were sent and {written} written"
                raise ServerError(errors.LOGICAL_ERROR, message)

    def _sql(self) -> str:
        names = ", ".join(identifier(name) for name, _ in self._columns)
        structure = ", ".join(f"{identifier(name)} {kind}" for name, kind in self._columns)
        source = f"file('/dev/fd/{self._spool.fileno()}', 'Native', {quoted(structure)})"
        return f"{self._head} SELECT {names} FROM {source} SETTINGS {_SETTINGS}, {self._dedup()}"

    def _dedup(self) -> str:
        """To the engine these rows are selected, but they deduplicate as the client's own."""
        enabled = self._session.deduplicates_inserts
        choice = "enable_even_for_bad_queries" if enabled else "disable"
        return f"deduplicate_insert_select = '{choice}'"


def _spool_folder() -> Path:
    """Inside the server's folder, which is where its process lives."""
    folder = Path("spool")
    folder.mkdir(exist_ok=True)
    return folder
