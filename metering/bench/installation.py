"""An installation of its own for a benchmark: real processes in a folder that is thrown away."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

_READY_SECONDS = 120
_WHERE_DATA_IS = ("DATABASE_URL", "CLICKHOUSE_URL", "CLICKHOUSE_CLUSTER", "CELERY_BROKER_URL")


class BenchError(Exception):
    """The benchmark cannot go on; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation, and the commands that belong to it."""

    port: int
    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, but for where an installation keeps its data."""
        own = {n: v for n, v in os.environ.items() if n not in _WHERE_DATA_IS}
        return own | {"DATA_DIR": str(self.data_dir)} | dict(self.settings)

    def manage(self, *arguments: str) -> str:
        """What a management command prints, run on this installation."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"manage.py {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def make_key(self, slug: str) -> str:
        """A new tenant's API key."""
        self.manage("create_tenant", slug)
        return self.manage("create_api_key", "--tenant", slug).splitlines()[-1]


@contextmanager
def running_installation(**settings_: str) -> Iterator[Installation]:
    """`manage.py up` on a free port and an empty folder; stopped and removed afterwards.

    `settings_` are variables of its environment.
    """
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        installation = Installation(_free_port(), Path(folder), settings_)
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(installation.port)],
            cwd=settings.BASE_DIR,
            env=installation.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_ready(installation.port, up)
            yield installation
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as web:
        try:
            web.request("GET", "/healthz")
            return web.getresponse().status == 200
        except OSError:
            return False


def _wait_until_ready(port: int, up: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and up.poll() is None:
        if _is_ready(port):
            return
        time.sleep(0.2)
    raise BenchError("the installation under test did not start; try: manage.py up")
