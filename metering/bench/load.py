"""A load of many connections from one thread, so that making it costs little of the machine."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

from metering.bench.installation import BenchError

_TIMEOUT_SECONDS = 120
_END_OF_HEADERS = b"\r\n\r\n"


def post(path: str, key: str, kind: str, body: bytes) -> bytes:
    """The bytes of a request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def seconds_for(
    port: int, connections: int, requests: Iterator[bytes], answered: Callable[[], None]
) -> float:
    """How long it takes to send them all, one after the other on each connection.

    Every answer has to be a 204, or BenchError is raised.
    """
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        lanes = [stack.enter_context(closing(_Lane(port, selector))) for _ in range(connections)]
        busy = sum(lane.send_next(requests) for lane in lanes)
        while busy:
            ready = selector.select(_TIMEOUT_SECONDS)
            if not ready:
                raise BenchError(f"no answer came within {_TIMEOUT_SECONDS} s")
            for key, _ in ready:
                if key.data.is_answered():
                    answered()
                    busy -= not key.data.send_next(requests)
    return time.perf_counter() - began


class _Lane:
    """One connection and the request it waits for."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector = selector
        self._received = b""
        selector.register(self._socket, selectors.EVENT_READ, self)

    def send_next(self, requests: Iterator[bytes]) -> bool:
        """Whether there was one more."""
        request = next(requests, None)
        if request is None:
            self._selector.unregister(self._socket)
            return False
        self._socket.sendall(request)
        return True

    def close(self) -> None:
        self._socket.close()

    def is_answered(self) -> bool:
        received = self._socket.recv(1 << 16)
        self._received += received
        if not received or not self._received.startswith(b"HTTP/1.1 204"[: len(self._received)]):
            answer = self._received[:300].decode(errors="replace")
            raise BenchError(f"a request was not answered 204 but: {answer or 'by closing'}")
        if not self._received.endswith(_END_OF_HEADERS):
            return False
        self._received = b""
        return True
