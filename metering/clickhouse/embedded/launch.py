"""Finds the server of a folder, starts one if there is none, and stops it."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from metering.clickhouse.embedded import protocol
from metering.clickhouse.embedded.errors import EmbeddedError

LINGER_SECONDS: Final = 10.0
LOCKED_EXIT_CODE: Final = 75
_PROJECT: Final = Path(__file__).resolve().parents[3]
_PAUSE: Final = 0.02
_ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server says it is."""

    url: str
    pid: int


def ensure_running(folder: Path, start_timeout: float = 60, linger: float = LINGER_SECONDS) -> str:
    """The URL of the folder's server, which is started first if there is none."""
    _prepare(folder)
    deadline = time.monotonic() + start_timeout
    child: int | None = None
    while time.monotonic() < deadline:
        if address := _live(folder):
            return address.url
        if child is not None:
            child = _still_starting(child, folder)
        elif not _is_locked(folder):
            child = _spawn(folder, linger)
        time.sleep(_PAUSE)
    raise EmbeddedError(_why_not(folder, start_timeout))


def stop(folder: Path, timeout: float = 30) -> None:
    """Ends the folder's server, if there is one, and waits until the folder is free."""
    deadline = time.monotonic() + timeout
    told: set[int] = set()
    while _is_locked(folder):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded ClickHouse of {folder} did not end in {timeout:g} s."
            )
        pid = running_pid(folder)
        if pid is not None and pid not in told:
            told.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(_PAUSE)


def running_pid(folder: Path) -> int | None:
    """The process id of the folder's server, if one answers."""
    address = _live(folder)
    return None if address is None else address.pid


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock_file(folder, os.O_RDWR | os.O_CREAT):
            pass
    except (FileExistsError, NotADirectoryError):
        raise EmbeddedError(
            f"{folder} cannot hold ClickHouse's data: it is not a folder."
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EmbeddedError(f"{folder} cannot hold ClickHouse's data: {reason}.") from None


@contextlib.contextmanager
def _lock_file(folder: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(folder / "lock", flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_locked(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), _lock_file(folder, os.O_RDONLY) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _live(folder: Path) -> Address | None:
    """The address that the folder's file gives, if whoever listens there knows its password."""
    try:
        address = Address(**json.loads((folder / "address").read_text()))
        return address if _is_locked(folder) and _answers(address) else None
    except (OSError, ValueError, TypeError):
        return None


def _answers(address: Address) -> bool:
    url = urlsplit(address.url)
    with socket.create_connection((url.hostname, url.port), timeout=_ANSWER_SECONDS) as server:
        server.sendall(protocol.hello_packet(url.username or "", url.password or ""))
        return server.recv(1) == bytes((protocol.HELLO,))


def _spawn(folder: Path, linger: float) -> int:
    """Starts a server that outlives this process and its terminal."""
    package = "metering.clickhouse.embedded"
    command = [sys.executable, "-m", package, str(folder.resolve()), "--linger", str(linger)]
    log = (str(folder / "server.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    paths = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    return os.posix_spawn(
        sys.executable,
        command,
        {**os.environ, "PYTHONPATH": paths},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, *log),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _still_starting(child: int, folder: Path) -> int | None:
    """The same child, or none if another server was faster; a failure is told."""
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return None
    if not pid:
        return child
    if os.waitstatus_to_exitcode(status) in (0, LOCKED_EXIT_CODE):
        return None
    raise EmbeddedError(f"The embedded ClickHouse of {folder} did not start{_log(folder)}")


def _why_not(folder: Path, seconds: float) -> str:
    if _is_locked(folder):
        return f"The process that holds {folder} did not answer within {seconds:g} s{_log(folder)}"
    return f"The embedded ClickHouse of {folder} did not start in {seconds:g} s{_log(folder)}"


def _log(folder: Path) -> str:
    """The last thing the server said, to end a sentence with."""
    try:
        lines = (folder / "server.log").read_text(errors="replace").split("\n")
    except OSError:
        return "."
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1].rstrip('.')}." if said else "."
