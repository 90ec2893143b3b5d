"""Says which field a fault in JSON belongs to."""

import json
import re
from collections.abc import Iterator

_NAMED_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(?P<field>[^`]*)`")
# msgspec says "key` in `$.labels" where a key of an object is at fault.
_KEY_IN = "key` in `"


def field_first(message: str, root: str) -> str:
    """msgspec's `text - at `$.path`` as `path: text`."""
    text, _, path = message.partition(" - at ")
    path = path.strip("`").removeprefix(_KEY_IN).removeprefix("$")
    where = (root + path).lstrip(".")
    if named := _NAMED_FIELD.match(text):
        where = f"{where}.{named['field']}".lstrip(".")
        text = "is required" if "missing" in text else "is not a field of this type"
    return f"{where or 'event'}: {text}"


def not_a_number(raw: bytes) -> str:
    """The path of the first NaN or Infinity, which are no JSON but are sent; empty without one."""
    try:
        found = json.loads(raw, parse_constant=_Constant, parse_int=str)
        return next(_constants(found, ""), "")
    except (ValueError, RecursionError):
        return ""


class _Constant(str):
    __slots__ = ()


def _constants(value: object, path: str) -> Iterator[str]:
    if isinstance(value, _Constant):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _constants(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _constants(item, f"{path}[{number}]")
