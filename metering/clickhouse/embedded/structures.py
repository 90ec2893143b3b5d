"""What INSERTs expect, remembered: to ask before each costs as much as a small INSERT."""

import contextlib
import threading
from collections.abc import Callable, Iterator

Columns = list[tuple[str, str]]

_MOST = 1_000


class Structures:
    """The columns of INSERTs by database and text, until a statement may have changed a table.

    No other process touches the folder, so every such statement comes through here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Columns] = {}
        self._changes = 0

    def of(self, database: str, head: str, describe: Callable[[], Columns]) -> Columns:
        """The columns that `describe` gave before, or gives now."""
        changes, known = self._changes, self._known.get((database, head))
        if known is not None:
            return known
        columns = describe()
        with self._lock:
            # What was described while a table changed may be of either state.
            if changes == self._changes and len(self._known) < _MOST:
                self._known[database, head] = columns
        return columns

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Around a statement that may change a table; what was known before is forgotten."""
        self._forget()
        try:
            yield
        finally:
            self._forget()

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._known.clear()
