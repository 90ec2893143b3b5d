"""Usage objects of model providers into the disjoint token classes of an event.

Providers disagree on two things: whether the prompt holds what was read from or written to the
cache (all but Anthropic), and whether the output holds the reasoning (all but Gemini). Each
convention is a row below, and the names of its fields tell which one an object follows. Formats:
the usage objects of OpenAI chat and responses, Anthropic, Gemini, DeepSeek, DashScope, Qianfan.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from metering.usage.event import MAX_NUMBER

Path = tuple[str, ...]


class UsageError(ValueError):
    """A usage object that cannot be right; the message begins with the token class at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """Where a provider says what. Of several paths for a count the first one present is read."""

    prompt: Path
    output: Path
    cache_read: tuple[Path, ...] = ()
    cache_write: tuple[Path, ...] = ()
    cache_write_long: tuple[Path, ...] = ()  # these are added up
    reasoning: tuple[Path, ...] = ()
    prompt_holds_cache: bool = True
    output_holds_reasoning: bool = True
    beside_prompt: tuple[Path, ...] = ()  # more input, which the prompt does not hold


_OPENAI_DETAILS = "prompt_tokens_details"
_RESPONSES_DETAILS = "input_tokens_details"

CONVENTIONS: dict[str, Convention] = {
    # Also DeepSeek, Qwen and Qianfan, with names of their own beside OpenAI's, and LiteLLM, which
    # makes every provider's usage look like OpenAI's.
    "openai-chat": Convention(
        prompt=("prompt_tokens",),
        output=("completion_tokens",),
        cache_read=(
            ("prompt_cache_hit_tokens",),
            (_OPENAI_DETAILS, "cached_tokens"),
            ("cache_read_input_tokens",),
        ),
        cache_write=(
            (_OPENAI_DETAILS, "cache_write_tokens"),
            (_OPENAI_DETAILS, "cache_creation_input_tokens"),
            (_OPENAI_DETAILS, "cache_creation_tokens"),
            ("cache_creation_input_tokens",),
        ),
        cache_write_long=(
            (_OPENAI_DETAILS, "cache_creation_token_details", "ephemeral_1h_input_tokens"),
            (_OPENAI_DETAILS, "cache_creation_token_details", "ephemeral_12h_input_tokens"),
        ),
        reasoning=(("completion_tokens_details", "reasoning_tokens"),),
    ),
    # Also DashScope's own API, which has no more than input, output and total.
    "openai-responses": Convention(
        prompt=("input_tokens",),
        output=("output_tokens",),
        cache_read=((_RESPONSES_DETAILS, "cached_tokens"),),
        cache_write=((_RESPONSES_DETAILS, "cache_write_tokens"),),
        reasoning=(("output_tokens_details", "reasoning_tokens"),),
    ),
    "anthropic": Convention(
        prompt=("input_tokens",),
        output=("output_tokens",),
        cache_read=(("cache_read_input_tokens",),),
        cache_write=(("cache_creation_input_tokens",),),
        cache_write_long=(("cache_creation", "ephemeral_1h_input_tokens"),),
        prompt_holds_cache=False,
    ),
    "gemini": Convention(
        prompt=("promptTokenCount",),
        output=("candidatesTokenCount",),
        cache_read=(("cachedContentTokenCount",),),
        reasoning=(("thoughtsTokenCount",),),
        output_holds_reasoning=False,
        beside_prompt=(("toolUsePromptTokenCount",),),
    ),
}
_ANTHROPIC_ONLY = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation")


def convention_of(usage: Mapping[str, object], provider: str = "") -> Convention | None:
    """The convention an object follows by the names in it; None when it holds no counts."""
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        return CONVENTIONS["openai-chat"]
    if "promptTokenCount" in usage or "candidatesTokenCount" in usage:
        return CONVENTIONS["gemini"]
    if not usage.keys() & {"input_tokens", "output_tokens"}:
        return None
    if provider == "anthropic" or any(name in usage for name in _ANTHROPIC_ONLY):
        return CONVENTIONS["anthropic"]
    return CONVENTIONS["openai-responses"]


def token_classes(usage: Mapping[str, object], provider: str = "") -> dict[str, int] | None:
    """The token fields of an `agent.tokens`; None for a call that reports no usage at all.

    Raises UsageError, as for a prompt that is less than what it should hold.
    """
    found = convention_of(usage, provider)
    if found is None or not any(_has(usage, path) for path in (found.prompt, found.output)):
        return None
    read, write = _first(usage, found.cache_read), _first(usage, found.cache_write)
    reasoning = _first(usage, found.reasoning)
    cached = read + write if found.prompt_holds_cache else 0
    classes = {
        "input_tokens": _count(usage, found.prompt) - cached + _sum(usage, found.beside_prompt),
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_long_tokens": _sum(usage, found.cache_write_long),
        "output_tokens": _count(usage, found.output)
        + (0 if found.output_holds_reasoning else reasoning),
        "reasoning_tokens": reasoning,
    }
    for name, count in classes.items():
        if count < 0:
            raise UsageError(f"{name}: comes out as {count}; do the counts hold the cached ones?")
    return classes


def _at(usage: Mapping[str, object], path: Path) -> object:
    found: object = usage
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _has(usage: Mapping[str, object], path: Path) -> bool:
    return _at(usage, path) is not None


def _count(usage: Mapping[str, object], path: Path) -> int:
    value = _at(usage, path)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise UsageError(f"{'.'.join(path)}: is not a whole number of tokens from 0 to 2^53")
    return value


def _first(usage: Mapping[str, object], paths: tuple[Path, ...]) -> int:
    return next((_count(usage, path) for path in paths if _has(usage, path)), 0)


def _sum(usage: Mapping[str, object], paths: tuple[Path, ...]) -> int:
    return sum(_count(usage, path) for path in paths)
