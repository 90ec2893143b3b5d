"""Reading a request's body within bounds: with a length or chunked, plain or gzip."""

import zlib
from collections.abc import Iterator

from django.http import HttpRequest

_PIECE = 256 * 1024


class BodyTooLarge(Exception):
    """More bytes than INGEST_MAX_BODY_BYTES, as sent or after decompression."""


class BodyUnreadable(ValueError):
    """Truncated, or not in the encoding it claims."""


class UnknownEncoding(ValueError):
    """A Content-Encoding that is not taken."""


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The decoded body. Raises BodyTooLarge, BodyUnreadable or UnknownEncoding."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise UnknownEncoding(f"Content-Encoding {encoding} is not gzip or identity")
    pieces = _bounded(_pieces(request), limit)
    if encoding == "gzip":
        pieces = _bounded(_gunzip(pieces), limit)
    return b"".join(pieces)


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
    inflate = _inflater()
    try:
        for piece in pieces:
            data = piece
            while data:
                if inflate.eof:  # gzip files may follow each other; they are read as one
                    inflate = _inflater()
                yield inflate.decompress(data, _PIECE)
                data = inflate.unconsumed_tail or inflate.unused_data
        yield inflate.flush()
    except zlib.error as error:
        raise BodyUnreadable(f"the body is not gzip: {error}") from None
    if not inflate.eof:
        raise BodyUnreadable("the gzip body is truncated")


def _inflater() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _bounded(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        yield piece
