"""The processes of an installation on one machine: started together, kept alive, stopped in order.

ClickHouse is not among them: whoever needs the embedded server starts it (see
metering/clickhouse/embedded), and the supervisor needs it all the time.
"""

import ctypes
import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from django.conf import settings

from metering.clickhouse import connection
from metering.clickhouse.embedded import launch

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15
_RESTARTS, _RESTART_WINDOW = 5, 60.0


class ProcessError(Exception):
    """The installation cannot start or go on; the message is one sentence."""


@dataclass
class Child:
    """A process that is started again when it ends, unless it does so all the time."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=_RESTARTS))

    def start(self) -> None:
        now = time.monotonic()
        if len(self.starts) == _RESTARTS and now - self.starts[0] < _RESTART_WINDOW:
            raise ProcessError(f"{self.name} ended {_RESTARTS} times within a minute; see above")
        self.starts.append(now)
        # A group of its own, so that Ctrl-C reaches the supervisor only and the order is ours.
        self.process = subprocess.Popen(
            self.command,
            process_group=0,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one thread when it forks
        )

    def keep(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            logger.warning(
                "%s ended with %s; starting it again", self.name, self.process.returncode
            )
            self.start()

    def stop(self, deadline: float) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _die_with_parent() -> None:
    """On Linux, end when the supervisor is killed, so that the port is free for its successor."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def children(host: str, port: int) -> list[Child]:
    """The web server, and one Celery worker with its beat."""
    python = (sys.executable, "-m")
    web = (
        *python,
        "gunicorn",
        "config.wsgi",
        f"--bind={host}:{port}",
        "--worker-class=gthread",
        f"--workers={settings.WEB_WORKERS}",
        f"--threads={settings.WEB_THREADS}",
        "--timeout=120",
        "--graceful-timeout=5",
        "--log-level=warning",
    )
    worker = (
        *python,
        "celery",
        "--app=config.celery",
        "--quiet",
        "worker",
        "--beat",
        "--pool=threads",
        "--concurrency=2",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=WARNING",
    )
    return [Child("the web server", web), Child("the Celery worker", worker)]


def check_port(host: str, port: int) -> None:
    """Raise ProcessError when something listens there already."""
    with socket.socket() as probe:
        # As the web server does: a port that is only winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ProcessError(
                f"port {port} on {host} cannot be used ({error.strerror}); choose another: --port"
            ) from None


class Supervisor:
    """Runs the children until a signal, or until one of them cannot be kept alive."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._children = children(host, port)
        self._stopping = False

    def start(self, ready_seconds: float = 60) -> None:
        """Start everything and return when `/healthz` answers 200."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        for child in self._children:
            child.start()
        deadline = time.monotonic() + ready_seconds
        while not self._stopping and not self._is_healthy():
            if time.monotonic() > deadline:
                raise ProcessError(f"the web server was not ready after {ready_seconds:.0f} s")
            self._keep()
            time.sleep(0.1)

    def run(self) -> None:
        """Keep everything alive until told to stop."""
        while not self._stopping:
            self._keep()
            self._keep_store()
            time.sleep(0.5)

    def stop(self) -> None:
        """Web and worker first, then the store they write to."""
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        for child in self._children:
            child.stop(deadline)
        connection.disconnect()
        if not settings.CLICKHOUSE_URL:
            launch.stop(settings.DATA_DIR / "clickhouse")

    def _keep(self) -> None:
        for child in self._children:
            if not self._stopping:
                child.keep()

    def _keep_store(self) -> None:
        """A query is a lease on the embedded server, and starts it again when it was killed."""
        try:
            connection.select("SELECT 1")
        except connection.StoreUnavailable as error:
            logger.warning("%s; trying again", error)

    def _is_healthy(self) -> bool:
        web = http.client.HTTPConnection(self._host, self._port, timeout=5)
        try:
            web.request("GET", "/healthz", headers={"Host": _allowed_host()})
            return web.getresponse().status == 200
        except OSError:
            return False
        finally:
            web.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


def _allowed_host() -> str:
    host = settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost"
    return "localhost" if host == "*" else host.lstrip(".")
