"""A call's tokens by modality: disjoint, and together exactly the call's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.collectors.modalities import ModalityError, Told, split
from metering.collectors.providers import UsageError, token_parts
from metering.collectors.token_counts import Unusable, usage

FIELDS = ("input", "cache_read", "cache_write", "output", "reasoning")
Parts = dict[str, tuple[int, ...]]


def by_modality(parts: list[dict[str, Any]] | None) -> Parts:
    assert parts is not None
    assert [part.get("part", 1) for part in parts] == list(range(1, len(parts) + 1))
    return {
        part.get("modality", "text"): tuple(part[f"{name}_tokens"] for name in FIELDS)
        for part in parts
    }


# Usage objects of providers: what the events of the call hold, in the order of FIELDS.
PROVIDERS: dict[str, tuple[dict[str, Any], Parts]] = {
    # 1000 in: 300 audio, 200 images, so 500 text, of which 400 cached; 90 out: 60 spoken.
    "OpenAI chat": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 90,
            "prompt_tokens_details": {
                "cached_tokens": 400,
                "audio_tokens": 300,
                "image_tokens": 200,
                "text_tokens": 500,
            },
            "completion_tokens_details": {"audio_tokens": 60, "reasoning_tokens": 10},
        },
        {"text": (100, 400, 0, 30, 10), "audio": (300, 0, 0, 60, 0), "image": (200, 0, 0, 0, 0)},
    ),
    # 640 of the 704 cached are audio, so 64 are text.
    "OpenAI realtime": (
        {
            "input_tokens": 1200,
            "output_tokens": 50,
            "input_token_details": {
                "text_tokens": 200,
                "audio_tokens": 1000,
                "cached_tokens": 704,
                "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 640},
            },
            "output_token_details": {"text_tokens": 20, "audio_tokens": 30},
        },
        {"text": (136, 64, 0, 20, 0), "audio": (360, 640, 0, 30, 0)},
    ),
    # Of 900 cached only 100 can be text: the rest is audio though nobody says so.
    "OpenAI chat, cached by nobody's modality": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 900, "audio_tokens": 900},
        },
        {"text": (0, 100, 0, 1, 0), "audio": (100, 800, 0, 0, 0)},
    ),
    "nothing but audio": (
        {
            "input_tokens": 70,
            "output_tokens": 0,
            "input_token_details": {"audio_tokens": 70, "text_tokens": 0},
        },
        {"audio": (70, 0, 0, 0, 0)},
    ),
    # 900 in the prompt and 50 of a tool: 258 + 20 images, 100 video, the rest text. Thoughts are
    # beside the candidates: 120 + 64, of which 100 are an image.
    "Gemini": (
        {
            "promptTokenCount": 900,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 120,
            "thoughtsTokenCount": 64,
            "toolUsePromptTokenCount": 50,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 542},
                {"modality": "IMAGE", "tokenCount": 258},
                {"modality": "VIDEO", "tokenCount": 100},
            ],
            "cacheTokensDetails": [
                {"modality": "TEXT", "tokenCount": 342},
                {"modality": "IMAGE", "tokenCount": 258},
            ],
            "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 20}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 100}],
        },
        {
            "text": (230, 342, 0, 84, 64),
            "image": (20, 258, 0, 100, 0),
            "video": (100, 0, 0, 0, 0),
        },
    ),
    # 10 of 15 are told as text, and the other 5 as nothing: text as well.
    "the rest is text": (
        {
            "promptTokenCount": 15,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 10},
                {"modality": "MODALITY_UNSPECIFIED", "tokenCount": 2},
            ],
        },
        {"text": (15, 0, 0, 0, 0)},
    ),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_usage_objects_by_modality(name: str) -> None:
    reported, expected = PROVIDERS[name]
    assert by_modality(token_parts(reported)) == expected


# Attributes of spans without their common beginning.
SPANS: dict[str, tuple[dict[str, Any], Parts]] = {
    # 100 in: 30 audio of which 20 cached, 10 image; 60 of 80 cached are text. 20 out: 15 spoken.
    "current names": (
        {
            "input_tokens": 100,
            "cache_read.input_tokens": 80,
            "output_tokens": 20,
            "text.input_tokens": 60,
            "audio.input_tokens": 30,
            "image.input_tokens": 10,
            "audio.cache_read.input_tokens": 20,
            "text.cache_read.input_tokens": 60,
            "audio.output_tokens": 15,
        },
        {"text": (0, 60, 0, 5, 0), "audio": (10, 20, 0, 15, 0), "image": (10, 0, 0, 0, 0)},
    ),
    "only by modality": (
        {"text.input_tokens": 5, "image.input_tokens": 7, "text.output_tokens": 2},
        {"text": (5, 0, 0, 2, 0), "image": (7, 0, 0, 0, 0)},
    ),
    "text alone is one event": (
        {"input_tokens": 9, "text.input_tokens": 9, "output_tokens": 1},
        {"text": (9, 0, 0, 1, 0)},
    ),
}


@pytest.mark.parametrize("name", SPANS)
def test_spans_by_modality(name: str) -> None:
    counts, expected = SPANS[name]
    found = usage({f"gen_ai.usage.{key}": count for key, count in counts.items()})
    assert found
    assert by_modality(found.parts) == expected
    assert found.told_by >= len(counts), "what tells more is the richer span"


LANGFUSE = {
    # beside each other: 100 + 30 + 20 in, of which 20 cached; 5 + 15 out
    '{"input": 100, "input_audio_tokens": 30, "input_cached_tokens": 20, "output": 5,'
    ' "output_audio_tokens": 15}': {"text": (100, 20, 0, 5, 0), "audio": (30, 0, 0, 15, 0)},
    # inside, as the total proves: 150 + 20
    '{"input": 150, "input_audio_tokens": 30, "output": 20, "output_audio_tokens": 15,'
    ' "total": 170}': {"text": (120, 0, 0, 5, 0), "audio": (30, 0, 0, 15, 0)},
    # OpenAI's own object, as Langfuse's wrapper of its client hands it on
    '{"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500,'
    ' "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 100},'
    ' "completion_tokens_details": {"reasoning_tokens": 128}}': {
        "text": (76, 1024, 0, 300, 128),
        "audio": (100, 0, 0, 0, 0),
    },
}


@pytest.mark.parametrize("details", LANGFUSE)
def test_details_of_langfuse_by_modality(details: str) -> None:
    found = usage({"langfuse.observation.usage_details": details})
    assert found
    assert by_modality(found.parts) == LANGFUSE[details]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"input_tokens": 9, "audio.input_tokens": 10}, "data.input_tokens: 10 audio"),
        (
            {"input_tokens": 9, "audio.input_tokens": 5, "text.input_tokens": 5},
            "data.input_tokens: 5 audio + 5 text by modality are more than the call's 9",
        ),
        ({"output_tokens": 9, "image.output_tokens": 10}, "data.output_tokens: 10 image"),
        (
            {"input_tokens": 9, "audio.input_tokens": 2, "audio.cache_read.input_tokens": 3},
            "data.cache_read_tokens: 3 of audio are more than its whole prompt",
        ),
        (
            {"input_tokens": 9, "audio.cache_read.input_tokens": 3},
            "data.cache_read_tokens: 3 audio by modality are more than the call's 0",
        ),
        ({"input_tokens": 9, "audio.input_tokens": -1}, "gen_ai.usage.audio.input_tokens: "),
    ],
)
def test_more_by_modality_than_there_is_names_the_class(
    counts: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unusable) as refused:
        usage({f"gen_ai.usage.{name}": count for name, count in counts.items()})
    assert str(refused.value).startswith(message)
    nested = {"prompt_tokens": 9, "prompt_tokens_details": {"audio_tokens": 10}}
    with pytest.raises(UsageError, match=r"^input_tokens: 10 audio"):
        token_parts(nested)


def test_one_span_is_not_made_a_crowd_of_events() -> None:
    """Nor does the number of attributes that tell of it outgrow its column."""
    crowd = [{"modality": f"M{n}", "tokenCount": 1} for n in range(1000)]
    details = {f"k{n}": 1 for n in range(300)} | {
        "promptTokenCount": 1000,
        "promptTokensDetails": crowd,
        "x": {},
    }
    found = usage({"langfuse.observation.usage_details": json.dumps(details)})
    assert found
    assert by_modality(found.parts) == {"text": (1000, 0, 0, 0, 0)}
    assert found.told_by == 100


COUNT = st.integers(0, 50)
COUNTS = st.dictionaries(st.sampled_from(["text", "audio", "image", "video"]), COUNT)


@given(
    counts=st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT),
    told=st.builds(Told, COUNTS, COUNTS, COUNTS),
)
def test_the_parts_are_disjoint_and_sum_to_the_call(counts: tuple[int, ...], told: Told) -> None:
    uncached, read, write, long, output, reasoning = counts
    whole = {
        "input_tokens": uncached,
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_long_tokens": min(long, write),
        "output_tokens": output,
        "reasoning_tokens": min(reasoning, output),
    }
    prompt = uncached + read + write
    try:
        parts: list[dict[str, Any]] = split(whole, told)
    except ModalityError:
        held = {m: max(told.prompt.get(m, 0), n) for m, n in told.cache_read.items()}
        assert (
            sum((dict(told.prompt) | held).values()) > prompt
            or sum(told.cache_read.values()) > read
            or sum(told.output.values()) > output
            or any(n > told.prompt.get(m, n) for m, n in told.cache_read.items())
        )
        return
    assert {name: sum(part[name] for part in parts) for name in whole} == whole
    for part in parts:
        own = part["input_tokens"] + part["cache_read_tokens"] + part["cache_write_tokens"]
        assert own + part.get("other_prompt_tokens", 0) == prompt
        assert min(part[name] for name in whole) >= 0
        assert part["reasoning_tokens"] <= part["output_tokens"]
        assert part["cache_write_long_tokens"] <= part["cache_write_tokens"]
        modality = part.get("modality", "text")
        if modality != "text":
            assert own >= told.prompt.get(modality, 0)
            assert part["output_tokens"] == told.output.get(modality, 0)
