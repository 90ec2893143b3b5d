"""Bytes as they arrive, read through a window that can be kept whole."""

from collections.abc import Callable


class ByteSource:
    """A growing buffer over `more`, which gives the next bytes or b"" at the end."""

    def __init__(self, more: Callable[[], bytes], start: bytes = b"") -> None:
        self._more = more
        self._buffer = bytearray(start)
        self._position = 0

    def pending(self) -> bytes:
        """What has arrived and was not read."""
        return bytes(self._buffer[self._position :])

    def mark(self) -> None:
        """Forgets what was read: `since_mark` starts here."""
        del self._buffer[: self._position]
        self._position = 0

    def since_mark(self) -> bytes:
        return bytes(memoryview(self._buffer)[: self._position])

    def exhausted(self) -> bool:
        """Whether nothing is left; waits for more when nothing is pending."""
        return self._position == len(self._buffer) and not self._fill()

    def skip(self, size: int) -> int:
        """Moves over `size` bytes and returns where they began, after the mark."""
        start, end = self._position, self._position + size
        while len(self._buffer) < end:
            self._fill_or_raise()
        self._position = end
        return start

    def read(self, size: int) -> bytes:
        start = self.skip(size)
        return bytes(memoryview(self._buffer)[start : start + size])

    def byte(self) -> int:
        return self._buffer[self.skip(1)]

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.read(size), "little")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        return self.read(self.varint()).decode("utf-8", "surrogateescape")

    def skip_texts(self, count: int) -> None:
        """Moves over `count` length-prefixed strings: the one loop that runs once a value."""
        buffer, position = self._buffer, self._position
        for _ in range(count):
            if position < len(buffer) and (size := buffer[position]) < 0x80:
                position += 1 + size
                continue
            self._position = position
            position = self._position_after_text()
        self.skip(position - self._position)

    def _position_after_text(self) -> int:
        while len(self._buffer) < self._position:
            self._fill_or_raise()
        self.skip(self.varint())
        return self._position

    def _fill(self) -> bool:
        data = self._more()
        self._buffer += data
        return bool(data)

    def _fill_or_raise(self) -> None:
        if not self._fill():
            raise EOFError("The stream ended in the middle of a packet")
