"""Notices, while a query runs, that its client cancelled it or went away."""

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

from metering.clickhouse.embedded import protocol

logger = logging.getLogger(__name__)

_INTERVAL_MS = 200
_PAUSE_SECONDS = 0.02


class Watcher:
    """One thread that looks at the sockets of all clients whose queries are running."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[socket.socket, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._loop, name="watcher", daemon=True).start()

    @contextlib.contextmanager
    def watch(self, client: socket.socket, cancel: Callable[[int], None]) -> Iterator[None]:
        """Calls `cancel` with this thread's id if the client gives up before the block ends."""
        thread, key = threading.get_native_id(), client.fileno()
        with self._lock:
            self._watched[key] = (client, lambda: cancel(thread))
            self._some.set()
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(key, None)

    def _loop(self) -> None:
        while self._some.wait():
            with self._lock:
                poll = select.poll()
                for key in self._watched:
                    poll.register(key, select.POLLIN)
                if not self._watched:
                    self._some.clear()
            for key, _ in poll.poll(_INTERVAL_MS):
                self._look(key)
            time.sleep(_PAUSE_SECONDS)

    def _look(self, key: int) -> None:
        # Under the lock, so that a query that ends now is not followed by a stray cancel.
        with self._lock:
            client, cancel = self._watched.get(key, (None, None))
            # What was polled may have belonged to the query before.
            if client is None or cancel is None or not _has_something(client):
                return
            if _gave_up(client):
                # Again and again: the engine may not have begun the query yet.
                self._cancel(cancel)
            else:
                del self._watched[key]

    def _cancel(self, cancel: Callable[[], None]) -> None:
        try:
            cancel()
        except Exception:
            logger.exception("A query could not be cancelled")


def _has_something(client: socket.socket) -> bool:
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


def _gave_up(client: socket.socket) -> bool:
    """Asked only when there is something: a socket with a timeout would wait for it."""
    try:
        return client.recv(1, socket.MSG_PEEK) in (b"", bytes((protocol.CANCEL,)))
    except OSError:
        return True
