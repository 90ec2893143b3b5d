"""Token counts of a span into the disjoint classes of an event, however its emitter counts.

By convention input holds the cache and output holds reasoning. Some emitters report what the
provider said instead; a total that adds up in one way only proves which it was.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from metering.collectors.genai import ALIASES, BY_MODALITY, MODALITIES, Attributes
from metering.collectors.modalities import ModalityError, Told, split
from metering.collectors.providers import UsageError, token_parts

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
_MOST_TELLERS = 100  # of what has so many attributes none is richer than the other
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
    """Token fields of a call, for each modality, and how many attributes told of them."""

    parts: list[dict[str, object]]
    told_by: int


class _Counts(NamedTuple):
    """Counts by meaning, and what is told of them by modality."""

    told: dict[str, int]
    by_modality: Told


def usage(attributes: Attributes) -> Usage | None:
    """Tokens in disjoint classes; None when the span tells of none. Raises Unusable."""
    details = attributes.get(_DETAILS)
    if details and (nested := _provided(str(details))):
        return nested
    told, by_modality = _langfuse(str(details)) if details else _reported(attributes)
    if not told.keys() & {"input", "output"}:
        return None
    try:
        parts = split(_classes(told, bool(details)), by_modality)
    except ModalityError as error:
        raise Unusable(f"data.{error}") from None
    return Usage(parts, len(told) + sum(len(counts) for counts in by_modality))


def _classes(told: Mapping[str, int], details: bool) -> dict[str, int]:
    read, write = told.get("cache_read", 0), told.get("cache_write", 0)
    prompt, output = told.get("input", 0), told.get("output", 0)
    reasoning, total = told.get("reasoning", 0), told.get("total")
    within = total == prompt + output
    # Langfuse's keys stand beside each other; elsewhere only a total can say so.
    apart = details and not within
    if apart or (not within and total == prompt + output + reasoning):
        output += reasoning
    if not apart and total != prompt + read + write + output:
        prompt = _uncached(prompt, read, write)
    return _disjoint(prompt, read, write, output, told)


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


def _reported(attributes: Attributes) -> _Counts:
    """The counts that are present, by meaning; of several aliases the first."""
    told = _first_of(attributes, {meaning: ALIASES[meaning] for meaning in _MEANINGS})
    by_modality = Told(
        **{part: _first_of(attributes, names) for part, names in BY_MODALITY.items()}
    )
    for meaning, counts in (("input", by_modality.prompt), ("output", by_modality.output)):
        if counts:
            told.setdefault(meaning, sum(counts.values()))
    return _Counts(told, by_modality)


def _first_of(attributes: Attributes, aliases: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    return {
        meaning: _count(found[0], attributes[found[0]])
        for meaning, names in aliases.items()
        if (found := [name for name in names if name in attributes])
    }


def _provided(details: str) -> Usage | None:
    """Langfuse's wrappers of clients hand on the provider's own object, which has objects in it."""
    try:
        counts = msgspec.json.decode(details.encode(), type=dict[str, object])
        nested = any(isinstance(value, dict) for value in counts.values())
        parts = token_parts(counts) if nested else None
    except UsageError as error:
        raise Unusable(f"data.{error}") from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return Usage(parts, min(len(counts), _MOST_TELLERS)) if parts else None


def _langfuse(details: str) -> _Counts:
    try:
        counts = msgspec.json.decode(details.encode(), type=dict[str, int | None])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise Unusable(f"{_DETAILS}: is not an object of whole numbers") from None
    whole: dict[str, int] = {}
    parts: dict[str, dict[str, int]] = {"input": {}, "output": {}, "cache_read": {}}
    for name, count in counts.items():
        meaning = next((meaning for part, meaning in _LANGFUSE_KEYS if part in name), "")
        modality = next((modality for modality in MODALITIES if modality in name), "")
        of = parts[meaning] if modality and meaning in parts else whole
        if meaning:
            key = modality if of is not whole else meaning
            of[key] = of.get(key, 0) + _count(name, count or 0)
    return _Counts(_summed(whole, parts), _told(parts))


def _summed(whole: dict[str, int], parts: Mapping[str, dict[str, int]]) -> dict[str, int]:
    """Langfuse's keys stand beside each other, unless the total says that parts are inside."""
    inside = whole.get("total") == whole.get("input", 0) + whole.get("output", 0)
    for meaning, counts in parts.items():
        if counts and not (inside and meaning in whole):
            whole[meaning] = whole.get(meaning, 0) + sum(counts.values())
    return whole


def _told(parts: Mapping[str, dict[str, int]]) -> Told:
    read = parts["cache_read"]
    prompt = {m: parts["input"].get(m, 0) + read.get(m, 0) for m in {*parts["input"], *read}}
    return Told(prompt, read, parts["output"])


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
