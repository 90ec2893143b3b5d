"""Provider usage objects into disjoint classes: one vector for each convention, and the traps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.collectors.providers import UsageError, token_classes

# (input, cache read, cache write, of it long, output, reasoning)
VECTORS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    # 1200 - 1024 = 176
    "openai chat": (
        {
            "prompt_tokens": 1200,
            "completion_tokens": 300,
            "total_tokens": 1500,
            "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 128},
        },
        (176, 1024, 0, 0, 300, 128),
    ),
    # 1200 - 1024 - 100 = 76
    "openai chat with cache writes": (
        {
            "prompt_tokens": 1200,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 100},
        },
        (76, 1024, 100, 0, 1, 0),
    ),
    # 2000 - 1536 = 464
    "openai responses": (
        {
            "input_tokens": 2000,
            "input_tokens_details": {"cached_tokens": 1536},
            "output_tokens": 400,
            "output_tokens_details": {"reasoning_tokens": 256},
            "total_tokens": 2400,
        },
        (464, 1536, 0, 0, 400, 256),
    ),
    # The cache stands beside the input: 50 it is.
    "anthropic": (
        {
            "input_tokens": 50,
            "cache_creation_input_tokens": 1000,
            "cache_read_input_tokens": 2000,
            "cache_creation": {"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400},
            "output_tokens": 77,
            "service_tier": "standard",
        },
        (50, 2000, 1000, 400, 77, 0),
    ),
    # 900 - 600 = 300; thoughts stand beside candidates: 120 + 64 = 184
    "gemini": (
        {
            "promptTokenCount": 900,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 120,
            "thoughtsTokenCount": 64,
            "totalTokenCount": 1084,
        },
        (300, 600, 0, 0, 184, 64),
    ),
    # total 1114 = prompt 900 + candidates 120 + thoughts 64 + tools 30
    "gemini with tools": (
        {
            "promptTokenCount": 900,
            "candidatesTokenCount": 120,
            "thoughtsTokenCount": 64,
            "toolUsePromptTokenCount": 30,
            "totalTokenCount": 1114,
        },
        (930, 0, 0, 0, 184, 64),
    ),
    # hit + miss = prompt
    "deepseek": (
        {
            "prompt_tokens": 1000,
            "prompt_cache_hit_tokens": 640,
            "prompt_cache_miss_tokens": 360,
            "completion_tokens": 50,
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        (360, 640, 0, 0, 50, 20),
    ),
    # 3000 - 2048 - 512 = 440
    "qwen, explicit cache": (
        {
            "prompt_tokens": 3000,
            "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 2048, "cache_creation_input_tokens": 512},
        },
        (440, 2048, 512, 0, 10, 0),
    ),
    "qwen, native": (
        {"input_tokens": 31, "output_tokens": 9, "total_tokens": 40},
        (31, 0, 0, 0, 9, 0),
    ),
    # What the search added is in the prompt already.
    "qianfan": (
        {
            "prompt_tokens": 500,
            "completion_tokens": 20,
            "prompt_tokens_details": {"search_tokens": 300, "cached_tokens": 100},
        },
        (400, 100, 0, 0, 20, 0),
    ),
    # Anthropic's 50 + 1000 + 2000 as LiteLLM says it: 3050 - 2000 - 1000 = 50
    "litellm of anthropic": (
        {
            "prompt_tokens": 3050,
            "completion_tokens": 77,
            "prompt_tokens_details": {
                "cached_tokens": 2000,
                "cache_creation_tokens": 1000,
                "cache_creation_token_details": {"ephemeral_1h_input_tokens": 400},
            },
            "cache_read_input_tokens": 2000,
            "cache_creation_input_tokens": 1000,
        },
        (50, 2000, 1000, 400, 77, 0),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_each_convention_gives_disjoint_classes(name: str) -> None:
    usage, expected = VECTORS[name]
    found = token_classes(usage)
    assert found is not None
    assert tuple(found.values()) == expected


def test_a_cache_counted_beside_the_prompt_where_it_should_be_inside_is_an_error() -> None:
    """Anthropic's 50 uncached tokens under OpenAI's name, where they cannot hold 2000 cached."""
    usage = {"prompt_tokens": 50, "prompt_tokens_details": {"cached_tokens": 2000}}
    with pytest.raises(UsageError, match=r"^input_tokens: comes out as -1950"):
        token_classes(usage)


def test_a_cache_inside_the_prompt_is_not_taken_off_twice() -> None:
    """The same names mean another thing with Anthropic: there nothing is taken off."""
    counts = {"input_tokens": 3000, "output_tokens": 1, "cache_read_input_tokens": 2000}
    anthropic = token_classes(counts)
    assert anthropic is not None
    assert (anthropic["input_tokens"], anthropic["cache_read_tokens"]) == (3000, 2000)
    responses = token_classes(
        {"input_tokens": 3000, "input_tokens_details": {"cached_tokens": 2000}}
    )
    assert responses is not None
    assert (responses["input_tokens"], responses["cache_read_tokens"]) == (1000, 2000)


@pytest.mark.parametrize("usage", [{}, {"total_tokens": 5}, {"prompt_tokens": None}])
def test_no_usage_is_not_zero(usage: dict[str, Any]) -> None:
    assert token_classes(usage) is None


@pytest.mark.parametrize("count", [-1, 1.5, "7", True, 2**53 + 1, [], {}])
def test_what_is_no_count_is_named(count: object) -> None:
    with pytest.raises(UsageError, match=r"^prompt_tokens: "):
        token_classes({"prompt_tokens": count})


COUNT = st.integers(0, 10_000)


@given(uncached=COUNT, read=COUNT, write=COUNT, output=COUNT, reasoning=COUNT)
def test_both_ways_of_counting_say_the_same(
    uncached: int, read: int, write: int, output: int, reasoning: int
) -> None:
    inside = {
        "prompt_tokens": uncached + read + write,
        "completion_tokens": output + reasoning,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
    }
    beside = {
        "input_tokens": uncached,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
        "output_tokens": output + reasoning,
    }
    assert token_classes(inside) == token_classes(beside)
