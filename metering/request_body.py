"""Reading a request's body within bounds: with a length or chunked, plain, gzip or zstd."""

import sys
import zlib
from collections.abc import Callable, Iterator

from django.http import HttpRequest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE = 256 * 1024
# Each further member of a compressed body costs a copy of the rest of its piece, however short.
_MOST_MEMBERS = 10_000
# RFC 9659: a window of 8 MiB at most in HTTP. A frame may ask for 2 GiB before it holds a byte.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


class BodyTooLarge(Exception):
    """More bytes than INGEST_MAX_BODY_BYTES, as sent or after decompression."""


class BodyUnreadable(ValueError):
    """Truncated, or not in the encoding it claims."""


class UnknownEncoding(ValueError):
    """A Content-Encoding that is not taken."""


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The decoded body. Raises BodyTooLarge, BodyUnreadable or UnknownEncoding."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding not in _DECODERS:
        raise UnknownEncoding(f"Content-Encoding {encoding} is not one of {', '.join(_DECODERS)}")
    return b"".join(_bounded(_DECODERS[encoding](_bounded(_pieces(request), limit)), limit))


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    # Django reads nothing of a body without a length; the server marks where a chunked one ends.
    chunked = "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated")
    source = request.META["wsgi.input"] if chunked else request
    try:
        while piece := source.read(_PIECE):
            yield piece
    except OSError as error:
        raise BodyUnreadable(f"the body breaks off: {error}") from None


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate piece by piece, so that a bomb is noticed long before it is unpacked."""
    inflate, members = _inflater(), _counter()
    try:
        for piece in pieces:
            data = piece
            while data:
                if inflate.eof:  # gzip files may follow each other; they are read as one
                    inflate = _inflater()
                    next(members)
                yield inflate.decompress(data, _PIECE)
                data = inflate.unconsumed_tail or inflate.unused_data
        yield inflate.flush()
    except zlib.error as error:
        raise BodyUnreadable(f"the body is not gzip: {error}") from None
    if not inflate.eof:
        raise BodyUnreadable("the gzip body is truncated")


def _inflater() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As `_gunzip`; frames may follow each other as well."""
    frame, members = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS), _counter()
    try:
        for piece in pieces:
            data = piece
            while data or not (frame.needs_input or frame.eof):
                if frame.eof:
                    frame = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
                    next(members)
                yield frame.decompress(data, _PIECE)
                data = frame.unused_data
    except zstd.ZstdError as error:
        raise BodyUnreadable(f"the body is not zstd: {error}") from None
    if not frame.eof:
        raise BodyUnreadable("the zstd body is truncated")


def _counter() -> Iterator[int]:
    yield from range(_MOST_MEMBERS)
    raise BodyUnreadable(f"the body is compressed in more than {_MOST_MEMBERS} members")


_DECODERS: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "identity": lambda pieces: pieces,
    "gzip": _gunzip,
    "zstd": _unzstd,
}


def _bounded(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        yield piece
