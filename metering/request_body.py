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
    pieces = _pieces(request)
    if encoding == "gzip":
        pieces = _gunzip(pieces)
    return _joined(pieces, limit)


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    # Django reads nothing of a body without a length; the server marks where a chunked one ends.
    chunked = "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated")
    source = request.META["wsgi.input"] if chunked else request
    while piece := source.read(_PIECE):
        yield piece


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate piece by piece, so that a bomb is noticed long before it is unpacked."""
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for piece in pieces:
            data = piece
            while data:
                yield inflate.decompress(data, _PIECE)
                data = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise BodyUnreadable(f"the body is not gzip: {error}") from None
    if not inflate.eof:
        raise BodyUnreadable("the gzip body is truncated")


def _joined(pieces: Iterator[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
    return bytes(body)
