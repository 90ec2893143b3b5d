"""The process: who may connect, how long it lives, and how it ends."""

import contextlib
import json
import logging
import os
import secrets
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from metering.clickhouse.embedded import errors
from metering.clickhouse.embedded.engine import Engine
from metering.clickhouse.embedded.errors import ServerError
from metering.clickhouse.embedded.session import Session
from metering.clickhouse.embedded.watcher import Watcher

logger = logging.getLogger(__name__)

# How long a server waits for its very first client.
FIRST_CLIENT_SECONDS = 60.0
# How long running queries may take to end once the server was told to.
FINISH_SECONDS = 5.0
CANCEL_SECONDS = 3.0


class Server:
    """Accepts clients on loopback until nobody needs it any more or a signal ends it."""

    name = "embedded"

    def __init__(self, folder: Path, linger: float) -> None:
        self.password = secrets.token_urlsafe(24)
        self.is_stopping = False
        self._address_file = folder / "address"
        self._address_file.unlink(missing_ok=True)
        self._linger = linger
        self.engine = Engine(folder / "chdb")
        self._watcher = Watcher()
        self._sessions: dict[Session, threading.Thread] = {}
        self._query_ids: set[str] = set()
        self._lock = threading.Lock()
        self._leave_at = time.monotonic() + max(linger, FIRST_CLIENT_SECONDS)

    def serve(self) -> None:
        """Runs until it is time to end."""
        self._watcher.start()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self._write_address()
        try:
            self._accept_until_done()
        finally:
            self._end()

    def _write_address(self) -> None:
        port = self._listener.getsockname()[1]
        url = f"clickhouse://default:{self.password}@127.0.0.1:{port}/default"
        draft = self._address_file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"url": url, "pid": os.getpid()}, file)
        draft.rename(self._address_file)

    # Accepting

    def _accept_until_done(self) -> None:
        wakes, self._waker = socket.socketpair()
        with selectors.DefaultSelector() as selector, wakes, _woken_by_signals(self._waker):
            wakes.setblocking(False)
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(wakes, selectors.EVENT_READ)
            while not self.is_stopping:
                selector.select(self._seconds_left())
                with contextlib.suppress(BlockingIOError):
                    wakes.recv(1 << 10)
                self._accept()
                if self._seconds_left() == 0 and self._may_leave():
                    return

    def _seconds_left(self) -> float | None:
        with self._lock:
            return None if self._sessions else max(0.0, self._leave_at - time.monotonic())

    def _may_leave(self) -> bool:
        """Takes the address away first; who had it and came in just now is still served."""
        self._address_file.unlink(missing_ok=True)
        if not self._accept():
            return True
        self._write_address()
        return False

    def _accept(self) -> bool:
        """Takes in whoever is waiting; whether there was somebody."""
        accepted = False
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(True)
                self._begin(Session(connection, self))
                accepted = True
        return accepted

    def _begin(self, session: Session) -> None:
        thread = threading.Thread(target=self._serve_session, args=(session,), daemon=True)
        with self._lock:
            self._sessions[session] = thread
        thread.start()

    def _serve_session(self, session: Session) -> None:
        try:
            session.serve()
        except Exception:
            logger.exception("A connection ended by an error of the server")
        finally:
            with self._lock:
                del self._sessions[session]
                self._leave_at = time.monotonic() + self._linger
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    # For sessions

    def watch(
        self, client: socket.socket, cancel: Callable[[int], None]
    ) -> contextlib.AbstractContextManager[None]:
        return self._watcher.watch(client, cancel)

    @contextlib.contextmanager
    def running(self, query_id: str) -> Iterator[None]:
        """Holds the id of a query that was given one."""
        with self._lock:
            if query_id and query_id in self._query_ids:
                message = f"Query with id = {query_id} is already running"
                raise ServerError(errors.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, message)
            self._query_ids.add(query_id)
        try:
            yield
        finally:
            with self._lock:
                self._query_ids.discard(query_id)

    # Ending

    def stop(self) -> None:
        """Called by the signal handler."""
        self.is_stopping = True

    def _end(self) -> None:
        self.is_stopping = True
        self._address_file.unlink(missing_ok=True)
        self._listener.close()
        self._end_sessions()
        if self._sessions:
            # A thread inside the engine cannot be stopped; what it was told is all on disk.
            logger.warning("%d connections did not end in time", len(self._sessions))
            os._exit(0)
        self.engine.close()

    def _end_sessions(self) -> None:
        with self._lock:
            for session in self._sessions:
                if not session.is_busy:
                    session.end()
        if self._wait_for_sessions(FINISH_SECONDS):
            return
        with self._lock:
            for session in self._sessions:
                session.end(at_once=True)
        self.engine.kill_all()
        self._wait_for_sessions(CANCEL_SECONDS)

    def _wait_for_sessions(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._sessions:
            time.sleep(0.01)
        return not self._sessions


@contextlib.contextmanager
def _woken_by_signals(waker: socket.socket) -> Iterator[None]:
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    try:
        with waker:
            yield
    finally:
        signal.set_wakeup_fd(-1)
