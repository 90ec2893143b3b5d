"""Input that nobody should send: good input after some damage, and values that are absurd."""

import re
from collections.abc import Callable

from hypothesis import strategies as st

DEEP = 3_000
# What may stand in JSON where a value stood.
ABSURD_VALUES = (
    b"NaN",
    b"-Infinity",
    b"-1",
    b"0",
    b"1.5",
    b"1e2",
    b"-0.0",
    b"1e400",
    b"1e-400",
    b"1e999999999999999999",
    b"9007199254740992",
    b"9007199254740993",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"1" * 400,
    b"1" * 5000,
    b"0." + b"1" * 5000,
    b"null",
    b"true",
    b'""',
    b'"0"',
    b'"NaN"',
    b'"-1"',
    b'"1e5"',
    b'"' + b"9" * 5000 + b'"',
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"' + b"a" * 513 + b'"',
    b'"' + b"a" * 10_000 + b'"',
    b'"2026-02-30T00:00:00Z"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59.999999999-23:59"',
    b'"2026-10-05T12:00:00"',
    b"[]",
    b"{}",
    b"[null]",
    b'{"a":{"a":{"a":[]}}}',
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
)
_VALUE = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"(?:[^"\\]|\\.)*"|true|false|null')
_FIELD = re.compile(rb'"[^"]*"\s*:\s*(?:-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|true|false|null)')
Damage = Callable[[st.DrawFn, bytes], bytes]


def damaged(*good: bytes) -> st.SearchStrategy[bytes]:
    """One of these after some damage; now and then none, or nothing but noise."""
    return st.one_of(_damaged(good), _damaged(good), st.binary(max_size=200), st.sampled_from(good))


@st.composite
def _damaged(draw: st.DrawFn, good: tuple[bytes, ...]) -> bytes:
    body = draw(st.sampled_from(good))
    for damage in draw(st.lists(st.sampled_from(_DAMAGES), min_size=1, max_size=4)):
        body = damage(draw, body)
    return body


def _another_value(draw: st.DrawFn, body: bytes) -> bytes:
    places = [found.span() for found in _VALUE.finditer(body)]
    if not places:
        return body
    start, end = draw(st.sampled_from(places))
    return body[:start] + draw(st.sampled_from(ABSURD_VALUES)) + body[end:]


def _value_of_another(draw: st.DrawFn, body: bytes) -> bytes:
    places = [found.span() for found in _VALUE.finditer(body)]
    if not places:
        return body
    start, end = draw(st.sampled_from(places))
    first, last = draw(st.sampled_from(places))
    return body[:start] + body[first:last] + body[end:]


def _field_twice(draw: st.DrawFn, body: bytes) -> bytes:
    fields = [found.span() for found in _FIELD.finditer(body)]
    if not fields:
        return body
    start, end = draw(st.sampled_from(fields))
    return body[:end] + b"," + body[start:end] + body[end:]


def _cut(draw: st.DrawFn, body: bytes) -> bytes:
    return body[: draw(st.integers(0, len(body)))]


def _part_left_out(draw: st.DrawFn, body: bytes) -> bytes:
    start = draw(st.integers(0, len(body)))
    return body[:start] + body[start + draw(st.integers(0, 20)) :]


def _part_twice(draw: st.DrawFn, body: bytes) -> bytes:
    start = draw(st.integers(0, len(body)))
    part = body[start : start + draw(st.integers(0, 200))]
    return body[:start] + part + body[start:]


def _noise(draw: st.DrawFn, body: bytes) -> bytes:
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.binary(max_size=8)) + body[place:]


def _a_bit(draw: st.DrawFn, body: bytes) -> bytes:
    if not body:
        return body
    place = draw(st.integers(0, len(body) - 1))
    return body[:place] + bytes([body[place] ^ 1 << draw(st.integers(0, 7))]) + body[place + 1 :]


_DAMAGES: tuple[Damage, ...] = (
    _another_value,
    _another_value,
    _value_of_another,
    _field_twice,
    _cut,
    _part_left_out,
    _part_twice,
    _noise,
    _a_bit,
)
