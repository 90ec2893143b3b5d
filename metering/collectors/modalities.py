"""One call's tokens by modality: an event for each, disjoint, that sum to the call exactly.

What a provider tells by modality are parts of its totals. What it does not tell is text, as far as
text reaches: so the rest of a total, what was read from or written to a cache, and the reasoning.
More by modality than the total holds cannot be right, and nobody knows which of the two is.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

TEXT = "text"
Counts = Mapping[str, int]
_PROMPT = ("input_tokens", "cache_read_tokens", "cache_write_tokens")


class ModalityError(ValueError):
    """Counts by modality that exceed the call's; the message begins with the field at fault."""


class Told(NamedTuple):
    """Tokens by modality. The prompt's hold those read from the cache."""

    prompt: Counts = {}
    cache_read: Counts = {}
    output: Counts = {}


def split(classes: Counts, told: Told) -> list[dict[str, object]]:
    """The token fields of an `agent.tokens` for each modality, text first, `part` from 1 on.

    Raises ModalityError.
    """
    names = [TEXT, *sorted({*told.prompt, *told.cache_read, *told.output} - {TEXT})]
    if names == [TEXT]:
        return [dict(classes)]
    prompt = _prompt(classes, told, names)
    output = _rest_is_text("output_tokens", classes["output_tokens"], told.output, names)
    columns = prompt | {
        "output_tokens": output,
        "reasoning_tokens": _filled(classes["reasoning_tokens"], output, names),
    }
    found = [(name, {field: counts[name] for field, counts in columns.items()}) for name in names]
    used = [(name, own) for name, own in found if any(own.values())] or found[:1]
    return [_part(number, *one, used) for number, one in enumerate(used, 1)]


def _part(
    number: int, name: str, own: dict[str, int], used: Iterable[tuple[str, dict[str, int]]]
) -> dict[str, object]:
    part: dict[str, object] = {**own}
    if name != TEXT:
        part["modality"] = name
    if number > 1:
        part["part"] = number
    if other := sum(_prompt_of(one) for whose, one in used if whose != name):
        part["other_prompt_tokens"] = other
    return part


def _prompt_of(own: Counts) -> int:
    return sum(own[field] for field in _PROMPT)


def _prompt(classes: Counts, told: Told, names: list[str]) -> dict[str, dict[str, int]]:
    held = {name: max(told.prompt.get(name, 0), told.cache_read.get(name, 0)) for name in names}
    for name, count in told.cache_read.items():
        if count > told.prompt.get(name, count):
            raise ModalityError(
                f"cache_read_tokens: {count} of {name} are more than its whole prompt"
            )
    room = _rest_is_text("input_tokens", _prompt_of(classes), held, names)
    read = _rest("cache_read_tokens", classes["cache_read_tokens"], told.cache_read)
    known = {name: told.cache_read.get(name, 0) if name != TEXT else 0 for name in names}
    room = {name: room[name] - known[name] for name in names}
    untold = _filled(read, room, names)
    room = {name: room[name] - untold[name] for name in names}
    written = _filled(classes["cache_write_tokens"], room, names)
    return {
        "input_tokens": {name: room[name] - written[name] for name in names},
        "cache_read_tokens": {name: known[name] + untold[name] for name in names},
        "cache_write_tokens": written,
        "cache_write_long_tokens": _filled(classes["cache_write_long_tokens"], written, names),
    }


def _rest_is_text(field: str, total: int, told: Counts, names: list[str]) -> dict[str, int]:
    rest = _rest(field, total, told)
    return {name: rest if name == TEXT else told.get(name, 0) for name in names}


def _rest(field: str, total: int, told: Counts) -> int:
    """What of the total is of no other modality than text."""
    if sum(told.values()) > total:
        named = " + ".join(f"{count} {name}" for name, count in sorted(told.items()) if count)
        raise ModalityError(f"{field}: {named} by modality are more than the call's {total}")
    return total - sum(count for name, count in told.items() if name != TEXT)


def _filled(amount: int, room: Counts, names: list[str]) -> dict[str, int]:
    """The amount poured into the room there is, in order; what is too much shows in the first."""
    filled = {}
    for name in names:
        filled[name] = min(amount, room[name])
        amount -= filled[name]
    filled[names[0]] += amount
    return filled
