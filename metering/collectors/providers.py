"""Usage objects of model providers into the disjoint token classes of an event.

Providers disagree on two things: whether the prompt holds what was read from or written to the
cache (all but Anthropic), and whether the output holds the reasoning (all but Gemini). Each
convention is a row below, and the names of its fields tell which one an object follows. What they
tell by modality is inside of the totals. Formats: the usage objects of OpenAI chat, responses and
realtime, Anthropic, Gemini, DeepSeek, DashScope, Qianfan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from metering.collectors.genai import MODALITIES
from metering.collectors.modalities import TEXT, ModalityError, Told, split
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
    # By modality, as {"audio_tokens": 5} or [{"modality": "AUDIO", "tokenCount": 5}]; added up.
    prompt_details: tuple[Path, ...] = ()
    cache_read_details: tuple[Path, ...] = ()
    output_details: tuple[Path, ...] = ()


_OPENAI_DETAILS = "prompt_tokens_details"
_RESPONSES_DETAILS = "input_tokens_details"
_REALTIME_DETAILS = "input_token_details"

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
        prompt_details=((_OPENAI_DETAILS,),),
        cache_read_details=((_OPENAI_DETAILS, "cached_tokens_details"),),
        output_details=(("completion_tokens_details",),),
    ),
    # Also DashScope's own API, which has no more than input, output and total, and OpenAI's
    # realtime and transcriptions, whose details lack an s.
    "openai-responses": Convention(
        prompt=("input_tokens",),
        output=("output_tokens",),
        cache_read=((_RESPONSES_DETAILS, "cached_tokens"), (_REALTIME_DETAILS, "cached_tokens")),
        cache_write=((_RESPONSES_DETAILS, "cache_write_tokens"),),
        reasoning=(("output_tokens_details", "reasoning_tokens"),),
        prompt_details=((_RESPONSES_DETAILS,), (_REALTIME_DETAILS,)),
        cache_read_details=(
            (_RESPONSES_DETAILS, "cached_tokens_details"),
            (_REALTIME_DETAILS, "cached_tokens_details"),
        ),
        output_details=(("output_tokens_details",), ("output_token_details",)),
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
        prompt_details=(("promptTokensDetails",), ("toolUsePromptTokensDetails",)),
        cache_read_details=(("cacheTokensDetails",),),
        output_details=(("candidatesTokensDetails",),),
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


def token_parts(usage: Mapping[str, object], provider: str = "") -> list[dict[str, object]] | None:
    """The same for each modality: what the `agent.tokens` events of the call hold.

    Raises UsageError, also for more by modality than there is in all.
    """
    found, classes = convention_of(usage, provider), token_classes(usage, provider)
    if found is None or classes is None:
        return None
    told = Told(
        _by_modality(usage, found.prompt_details),
        _by_modality(usage, found.cache_read_details),
        _by_modality(usage, found.output_details),
    )
    try:
        return split(classes, told)
    except ModalityError as error:
        raise UsageError(str(error)) from None


def _by_modality(usage: Mapping[str, object], paths: Sequence[Path]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in paths:
        for modality, count in _details(_at(usage, path), path):
            counts[modality] = counts.get(modality, 0) + count
    return counts


def _details(found: object, path: Path) -> Iterator[tuple[str, int]]:
    """(modality, tokens) of either shape; what names no modality that is known is text."""
    if isinstance(found, Mapping):
        for modality in MODALITIES:
            if found.get(f"{modality}_tokens"):
                yield modality, _whole(found[f"{modality}_tokens"], (*path, f"{modality}_tokens"))
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, Mapping) and entry.get("tokenCount"):
            modality = str(entry.get("modality")).lower()
            known = modality in {*MODALITIES, "document"}
            yield modality if known else TEXT, _whole(entry["tokenCount"], (*path, "tokenCount"))


def _at(usage: Mapping[str, object], path: Path) -> object:
    found: object = usage
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _has(usage: Mapping[str, object], path: Path) -> bool:
    return _at(usage, path) is not None


def _count(usage: Mapping[str, object], path: Path) -> int:
    value = _at(usage, path)
    return 0 if value is None else _whole(value, path)


def _whole(value: object, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise UsageError(f"{'.'.join(path)}: is not a whole number of tokens from 0 to 2^53")
    return value


def _first(usage: Mapping[str, object], paths: tuple[Path, ...]) -> int:
    return next((_count(usage, path) for path in paths if _has(usage, path)), 0)


def _sum(usage: Mapping[str, object], paths: tuple[Path, ...]) -> int:
    return sum(_count(usage, path) for path in paths)
