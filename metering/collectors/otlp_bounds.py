"""How much an OTLP export may hold, told before it is decoded: each empty message costs memory.

Two bytes of protobuf, or three of JSON, can be a span that takes hundreds once it is decoded. So a
large body is looked through first, for less than it costs to decode a good one.
Wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from typing import Any

import msgspec
from msgspec import Struct

from metering.collectors.bounds import MOST_EVENTS, TooManyEvents

# As many as 64 MiB of good spans have: about 30 bytes an attribute.
MOST_FIELDS = 2_000_000
# What is smaller cannot hold so much that it matters.
SMALL_BYTES = 1024 * 1024

# Which numbered fields are messages that are looked into: resource_spans, its resource and
# scope_spans, their spans.
_EXPORT: dict[int, Any] = {1: {1: {}, 2: {2: {}}}}
_LENGTH = 2
_FIXED = {1: 8, 5: 4}  # bytes of a number that is not a varint


class _Object(Struct, gc=False):
    """A span, of which nothing is read."""


class _Scope(Struct, gc=False):
    spans: list[_Object] | None = None


class _Resource(Struct, gc=False, rename="camel"):
    scope_spans: list[_Scope] | None = None


class _Export(Struct, rename="camel"):
    resource_spans: list[_Resource] | None = None


_JSON = msgspec.json.Decoder(_Export)


def check_spans(count: int) -> None:
    """Raise TooManyEvents for more spans than a request may hold."""
    if count > MOST_EVENTS:
        raise TooManyEvents(f"there are more than {MOST_EVENTS} spans; send fewer at a time")


def check_json(body: bytes) -> None:
    """Raise TooManyEvents for an export in JSON that should not be decoded."""
    if len(body) < SMALL_BYTES:
        return
    if body.count(b"{") > MOST_FIELDS:
        raise _too_many_fields()
    try:
        export = _JSON.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # it stops the decoder as well, which says why
    groups = export.resource_spans or ()
    check_spans(sum(len(scope.spans or ()) for g in groups for scope in g.scope_spans or ()))


def check_protobuf(body: bytes) -> None:
    """Raise TooManyEvents for an export in protobuf that should not be decoded."""
    if len(body) < SMALL_BYTES:
        return
    found = 0
    messages = [(0, len(body), _EXPORT)]
    while messages:
        place, end, known = messages.pop()
        while place < end:
            tag, place = _varint(body, place)
            if tag & 7 != _LENGTH:
                place = _after_number(body, place, tag & 7)
                continue
            size, place = _varint(body, place)
            found += 1
            if found > MOST_FIELDS:
                raise _too_many_fields()
            if (inner := known.get(tag >> 3)) is not None:
                messages.append((place, min(place + size, end), inner))
            place += size


def _after_number(body: bytes, place: int, kind: int) -> int:
    return place + _FIXED[kind] if kind in _FIXED else _varint(body, place)[1]


def _varint(body: bytes, place: int) -> tuple[int, int]:
    """The number at a place and the place behind it; what breaks off is as large as can be."""
    number = shift = 0
    while place < len(body) and shift < 64:
        byte = body[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
    return 2**64, place


def _too_many_fields() -> TooManyEvents:
    return TooManyEvents(f"there are more than {MOST_FIELDS} fields; send less at a time")
