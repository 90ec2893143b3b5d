"""What the tests of metering share: a store that is down, an exporter of chip telemetry."""

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from pytest_django import Settings

from metering.clickhouse import connection


@pytest.fixture
def store_down(settings: Settings) -> Iterator[None]:
    """CLICKHOUSE_URL points where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.CLICKHOUSE_URL = f"clickhouse://default@127.0.0.1:{taken.getsockname()[1]}/default"
        connection.disconnect()
        connection.forget_url()
        yield
    connection.disconnect()
    connection.forget_url()


class Exporter(ThreadingHTTPServer):
    """Answers with whatever `body` is, all at once or a byte at a time."""

    body = b""
    status = 200
    seconds_a_byte = 0.0
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/metrics"


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked += 1
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(server.body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            if not server.seconds_a_byte:
                self.wfile.write(server.body)
            for byte in server.body if server.seconds_a_byte else b"":
                time.sleep(server.seconds_a_byte)
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return

        def log_message(self, *args: Any) -> None:
            """Nothing: the test's output is for its failures."""

    with Exporter(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
