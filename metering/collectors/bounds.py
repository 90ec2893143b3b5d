"""How many events a request may hold, told before it is taken apart: each piece costs memory.

A byte or two can be an element of an array, or a line, and each would be refused, kept and answered
by itself. A large body is therefore skimmed first, which costs no more than reading a valid one.
"""

from collections.abc import Sized
from typing import TypeVar

import msgspec
from msgspec import Struct

MOST_EVENTS = 100_000
_T = TypeVar("_T")


class TooManyEvents(ValueError):
    """More events than a request may hold."""


class NotObjects(ValueError):
    """A large array of something else than objects."""


class _Object(Struct, gc=False):
    """Anything, of which nothing is read."""


class _Batch(Struct):
    events: list[_Object] = []


_ARRAY = msgspec.json.Decoder(list[_Object])
_BATCH = msgspec.json.Decoder(_Batch)


def check_lines(text: bytes) -> None:
    """Raise TooManyEvents for too many lines."""
    lines = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    _check(range(lines))


def check_array(text: bytes) -> None:
    """Raise TooManyEvents or NotObjects for a JSON array that should not be taken apart."""
    found = _skimmed(_ARRAY, text)
    _check(found or [])


def check_batch(text: bytes) -> None:
    """As `check_array`, for `{"events": [...]}`."""
    found = _skimmed(_BATCH, text)
    _check(found.events if found else ())


def _skimmed(decoder: "msgspec.json.Decoder[_T]", text: bytes) -> _T | None:
    """None for what is small; and for what is no JSON, whose decoder stops where it ends."""
    if text.count(b",") < MOST_EVENTS:
        return None
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise NotObjects(f"the body does not hold events: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _check(events: Sized) -> None:
    if len(events) > MOST_EVENTS:
        raise TooManyEvents(f"there are more than {MOST_EVENTS} events; send fewer at a time")
