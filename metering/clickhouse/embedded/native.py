"""Where a block of ClickHouse's Native format ends, found without decoding its values."""

import re

from metering.clickhouse.embedded.bytesource import ByteSource

_INTEGERS = {f"{sign}Int{8 << n}": 1 << n for sign in ("", "U") for n in range(6)}
_WIDTHS = _INTEGERS | {
    width_name: width
    for width, names in {
        1: ("Bool", "Enum8", "Nothing"),
        2: ("BFloat16", "Date", "Enum16"),
        4: ("Float32", "Date32", "DateTime", "Time", "IPv4"),
        8: ("Float64", "DateTime64", "Time64"),
        16: ("UUID", "IPv6"),
    }.items()
    for width_name in names
}
_TYPE = re.compile(r"\s*(\w+)(?:\((.*)\))?\s*", re.DOTALL)
_NAMED = re.compile(r"\s*(?:\w+|`(?:[^`\\]|\\.)*`)\s+(?=\S)")
_HAS_ADDITIONAL_KEYS = 1 << 9


class OpaqueTypeError(Exception):
    """A type whose values say nothing about their own length."""


def split(arguments: str) -> list[str]:
    """The arguments of a type, separated at the outermost commas."""
    parts, depth, quote, start = [], 0, "", 0
    for position, letter in enumerate(arguments):
        if quote:
            quote = "" if letter == quote and arguments[position - 1] != "\\" else quote
        elif letter in "'`":
            quote = letter
        elif letter == "," and not depth:
            parts.append(arguments[start:position])
            start = position + 1
        depth += 0 if quote else (letter == "(") - (letter == ")")
    return [*parts, arguments[start:]] if arguments.strip() else []


def parse(type_name: str) -> tuple[str, list[str]]:
    """A type's family and arguments, with what wraps but does not change its bytes removed."""
    found = _TYPE.fullmatch(type_name)
    if found is None:
        raise OpaqueTypeError(type_name)
    family, arguments = found[1], split(found[2] or "")
    if family == "SimpleAggregateFunction":
        return parse(arguments[1])
    if family in ("Nested", "Map"):
        return "Array", [f"Tuple({found[2]})"]
    if family == "Tuple":
        return family, [_element(argument) for argument in arguments]
    return family, arguments


def _element(argument: str) -> str:
    named = _NAMED.match(argument)
    return argument[named.end() :] if named else argument


def read_block(source: ByteSource) -> tuple[list[tuple[str, str]], int]:
    """Moves over one block; its columns (name and type) and its number of rows."""
    columns, rows = [], 0
    count, rows = source.varint(), source.varint()
    for _ in range(count):
        name, type_name = source.text(), source.text()
        columns.append((name, type_name))
        if rows:
            _skip_prefix(source, type_name)
            _skip_values(source, type_name, rows)
    return columns, rows


def _skip_prefix(source: ByteSource, type_name: str) -> None:
    """What is written once before a column's values: the version of each dictionary in it."""
    family, arguments = parse(type_name)
    if family == "LowCardinality":
        source.skip(8)
    elif family in ("Array", "Nullable", "Tuple"):
        for argument in arguments:
            _skip_prefix(source, argument)


def _skip_values(source: ByteSource, type_name: str, rows: int) -> None:
    family, arguments = parse(type_name)
    if family == "String":
        source.skip_texts(rows)
    elif family == "Nullable":
        source.skip(rows)
        _skip_values(source, arguments[0], rows)
    elif family == "Array":
        _skip_array(source, arguments[0], rows)
    elif family == "Tuple":
        _skip_tuple(source, arguments, rows)
    elif family == "LowCardinality":
        _skip_dictionary(source, arguments[0], rows)
    else:
        source.skip(rows * _width(family, arguments))


def _skip_array(source: ByteSource, element: str, rows: int) -> None:
    if rows:
        source.skip(8 * (rows - 1))
        _skip_values(source, element, source.unsigned(8))


def _skip_tuple(source: ByteSource, elements: list[str], rows: int) -> None:
    if not elements:
        source.skip(rows)
    for element in elements:
        _skip_values(source, element, rows)


def _skip_dictionary(source: ByteSource, keys: str, rows: int) -> None:
    if not rows:
        return
    flags = source.unsigned(8)
    if flags & _HAS_ADDITIONAL_KEYS:
        family, arguments = parse(keys)
        _skip_values(source, arguments[0] if family == "Nullable" else keys, source.unsigned(8))
    source.skip(source.unsigned(8) << (flags & 0xFF))


def _width(family: str, arguments: list[str]) -> int:
    if family == "FixedString":
        return int(arguments[0])
    if family == "Decimal":
        precision = int(arguments[0])
        return next(
            size for size, most in ((4, 9), (8, 18), (16, 38), (32, 76)) if precision <= most
        )
    if family.startswith("Interval"):
        return 8
    if family not in _WIDTHS:
        raise OpaqueTypeError(family)
    return _WIDTHS[family]
