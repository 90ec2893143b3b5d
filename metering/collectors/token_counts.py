"""Token counts of a span into the disjoint classes of an event, however its emitter counts.

By convention input holds the cache and output holds reasoning. Some emitters report what the
provider said instead; a total that adds up in one way only proves which it was.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from metering.collectors.genai import ALIASES, Attributes

_MEANINGS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_long",
    "reasoning",
    "total",
)
_DETAILS = "langfuse.observation.usage_details"
# What a key of Langfuse's usage details contains, the narrower first.
_LANGFUSE_KEYS = (
    ("total", "total"),
    ("cache_creation", "cache_write"),
    ("cache_write", "cache_write"),
    ("cache", "cache_read"),
    ("reasoning", "reasoning"),
    ("thought", "reasoning"),
    ("input", "input"),
    ("prompt", "input"),
    ("output", "output"),
    ("completion", "output"),
)


class Unusable(ValueError):
    """Counts that make no sense; the message begins with the field at fault."""


class Usage(NamedTuple):
    """Tokens of a call in disjoint classes, and how many attributes told of them."""

    classes: dict[str, int]
    told_by: int


def usage(attributes: Attributes) -> Usage | None:
    """Tokens in disjoint classes; None when the span tells of none. Raises Unusable."""
    details = attributes.get(_DETAILS)
    told = _langfuse(str(details)) if details else _reported(attributes)
    if not told.keys() & {"input", "output"}:
        return None
    read, write = told.get("cache_read", 0), told.get("cache_write", 0)
    prompt, output = told.get("input", 0), told.get("output", 0)
    reasoning, total = told.get("reasoning", 0), told.get("total")
    within = total == prompt + output
    # Langfuse's keys stand beside each other; elsewhere only a total can say so.
    apart = bool(details) and not within
    if apart or (not within and total == prompt + output + reasoning):
        output += reasoning
    if not apart and total != prompt + read + write + output:
        prompt = _uncached(prompt, read, write)
    return Usage(_disjoint(prompt, read, write, output, told), len(told))


def _uncached(prompt: int, read: int, write: int) -> int:
    if prompt < read + write:
        raise Unusable(
            f"data.input_tokens: would be negative: {prompt} input tokens cannot hold {read} read"
            f" from the cache and {write} written to it"
        )
    return prompt - read - write


def _disjoint(
    uncached: int, read: int, write: int, output: int, told: Mapping[str, int]
) -> dict[str, int]:
    return {
        "input_tokens": uncached,
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_long_tokens": told.get("cache_write_long", 0),
        "output_tokens": output,
        "reasoning_tokens": told.get("reasoning", 0),
    }


def _reported(attributes: Attributes) -> dict[str, int]:
    """The counts that are present, by meaning; of several aliases the first."""
    return {
        meaning: _count(names[0], attributes[names[0]])
        for meaning in _MEANINGS
        if (names := [name for name in ALIASES[meaning] if name in attributes])
    }


def _langfuse(details: str) -> dict[str, int]:
    try:
        counts = msgspec.json.decode(details.encode(), type=dict[str, int | None])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise Unusable(f"{_DETAILS}: is not an object of whole numbers") from None
    told: dict[str, int] = {}
    for name, count in counts.items():
        meaning = next((meaning for part, meaning in _LANGFUSE_KEYS if part in name), "")
        if meaning:
            told[meaning] = told.get(meaning, 0) + _count(name, count or 0)
    return told


def _count(name: str, value: object) -> int:
    """A whole number, however it was written."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 20:
        value = int(value) if value == value.to_integral_value() else value
    elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unusable(f"{name}: is not a whole number")
    if value < 0:
        raise Unusable(f"{name}: is negative")
    return value
