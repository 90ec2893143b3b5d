"""Attributes of every generation, and token counts into disjoint classes."""

from decimal import Decimal
from typing import Any

import pytest

from metering.collectors import genai
from metering.collectors.genai import ALIASES, ALLOWED, OTHER, TASK, TOKENS, TOOL
from metering.collectors.token_counts import Unusable, usage

NAMES = ("input", "cache_read", "cache_write", "output", "reasoning")


def classes(attributes: dict[str, Any]) -> tuple[object, ...]:
    found = usage(attributes)
    assert found
    [part] = found.parts
    return tuple(part[f"{name}_tokens"] for name in NAMES)


@pytest.mark.parametrize("generation", range(4))
def test_every_generation_of_names_gives_the_same(generation: int) -> None:
    """Anthropic: 50 uncached, 2000 read, 1000 written, 77 out; all input is in the 3050."""
    counts = {"input": 3050, "output": 77, "cache_read": 2000, "cache_write": 1000, "reasoning": 7}
    attributes = {
        ALIASES[meaning][min(generation, len(ALIASES[meaning]) - 1)]: count
        for meaning, count in counts.items()
    }
    assert classes(attributes) == (50, 2000, 1000, 77, 7)


# Every name of every generation, by what it says; of several, the canonical one first.
EVERY_ALIAS = {
    "provider": "gen_ai.provider.name gen_ai.system llm.system llm.provider",
    "operation": "gen_ai.operation.name llm.request.type openinference.span.kind"
    " traceloop.span.kind langfuse.observation.type",
    "model": "gen_ai.response.model gen_ai.request.model llm.model_name embedding.model_name"
    " langfuse.observation.model.name",
    "response": "gen_ai.response.id",
    "agent": "gen_ai.agent.id gen_ai.agent.name agent.name graph.node.id",
    "entity": "traceloop.entity.name",
    "session": "gen_ai.conversation.id session.id gen_ai.thread.id"
    " traceloop.association.properties.session_id",
    "tool": "gen_ai.tool.name tool.name",
    "input": "gen_ai.usage.input_tokens gen_ai.usage.prompt_tokens llm.token_count.prompt"
    " llm.usage.prompt_tokens",
    "output": "gen_ai.usage.output_tokens gen_ai.usage.completion_tokens"
    " llm.token_count.completion",
    "cache_read": "gen_ai.usage.cache_read.input_tokens gen_ai.usage.cache_read_input_tokens"
    " llm.token_count.prompt_details.cache_read gen_ai.usage.input_tokens.cached",
    "cache_write": "gen_ai.usage.cache_write.input_tokens"
    " gen_ai.usage.cache_creation.input_tokens gen_ai.usage.cache_creation_input_tokens"
    " llm.token_count.prompt_details.cache_write gen_ai.usage.input_tokens.cache_write",
    "cache_write_long": "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens gen_ai.usage.reasoning_tokens"
    " llm.token_count.completion_details.reasoning",
    "total": "gen_ai.usage.total_tokens llm.token_count.total",
    "tier": "openai.response.service_tier gen_ai.openai.response.service_tier"
    " anthropic.response.service_tier openai.request.service_tier",
}


@pytest.mark.parametrize("meaning", EVERY_ALIAS)
def test_every_alias_is_read_and_the_canonical_name_comes_first(meaning: str) -> None:
    names = EVERY_ALIAS[meaning].split()
    known = [name for name in ALIASES[meaning] if name in names]
    assert known == names
    for name in names:
        assert genai.text({name: "said"}, meaning) == "said"


# Each: attributes without their common beginning, and the classes in the order of NAMES.
COUNTS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "OpenAI chat: 1200 - 1024": (
        {"input_tokens": 1200, "cache_read.input_tokens": 1024, "output_tokens": 300},
        (176, 1024, 0, 300, 0),
    ),
    "Gemini with thoughts in the output: 900 - 600, 120 + 64": (
        {
            "input_tokens": 900,
            "cache_read.input_tokens": 600,
            "output_tokens": 184,
            "reasoning.output_tokens": 64,
        },
        (300, 600, 0, 184, 64),
    ),
    "Gemini with thoughts beside the output, as its total proves: 900 + 120 + 64": (
        {
            "input_tokens": 900,
            "cache_read.input_tokens": 600,
            "output_tokens": 120,
            "reasoning.output_tokens": 64,
            "total_tokens": 1084,
        },
        (300, 600, 0, 184, 64),
    ),
    "Anthropic's own numbers, as their total proves: 50 + 2000 + 1000 + 77": (
        {
            "input_tokens": 50,
            "cache_read.input_tokens": 2000,
            "cache_write.input_tokens": 1000,
            "output_tokens": 77,
            "total_tokens": 3127,
        },
        (50, 2000, 1000, 77, 0),
    ),
    "numbers in other clothes": (
        {"input_tokens": "12", "output_tokens": Decimal("3.0")},
        (12, 0, 0, 3, 0),
    ),
    "an answer without a prompt": ({"output_tokens": 5}, (0, 0, 0, 5, 0)),
}


@pytest.mark.parametrize("case", COUNTS)
def test_counts_become_disjoint_classes(case: str) -> None:
    counts, expected = COUNTS[case]
    assert classes({f"gen_ai.usage.{name}": count for name, count in counts.items()}) == expected


LANGFUSE = {
    '{"input": 176, "input_cached_tokens": 1024, "output": 172, "output_reasoning_tokens": 128,'
    ' "total": 1500}': (176, 1024, 0, 300, 128),
    '{"input": 50, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 1000,'
    ' "output": 77}': (50, 2000, 1000, 77, 0),
    # 1200 + 300: the details are inside.
    '{"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500,'
    ' "prompt_cached_tokens": 1024, "completion_reasoning_tokens": 128}': (176, 1024, 0, 300, 128),
}


@pytest.mark.parametrize("details", LANGFUSE)
def test_usage_details_of_langfuse_stand_beside_each_other(details: str) -> None:
    attributes = {"langfuse.observation.usage_details": details}
    assert classes(attributes) == LANGFUSE[details]


@pytest.mark.parametrize(
    ("counts", "field"),
    [
        ({"input_tokens": 50, "cache_read.input_tokens": 2000}, "data.input_tokens"),
        ({"cache_read.input_tokens": 1, "output_tokens": 1}, "data.input_tokens"),
        ({"input_tokens": -1}, "gen_ai.usage.input_tokens"),
        ({"input_tokens": "many"}, "gen_ai.usage.input_tokens"),
        ({"input_tokens": True}, "gen_ai.usage.input_tokens"),
        ({"input_tokens": Decimal("1.5")}, "gen_ai.usage.input_tokens"),
        ({"input_tokens": Decimal("NaN")}, "gen_ai.usage.input_tokens"),
    ],
)
def test_counts_that_make_no_sense_name_the_class(counts: dict[str, Any], field: str) -> None:
    with pytest.raises(Unusable) as refused:
        usage({f"gen_ai.usage.{name}": count for name, count in counts.items()})
    assert str(refused.value).startswith(f"{field}: ")


def test_no_usage_is_none_and_not_zero() -> None:
    assert usage({"gen_ai.usage.total_tokens": 5}) is None
    assert usage({"gen_ai.usage.input_tokens": 0}) is not None


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        *(({"gen_ai.operation.name": name}, TOKENS) for name in ("chat", "generate_content")),
        *(({"gen_ai.operation.name": name}, TOKENS) for name in ("text_completion", "embeddings")),
        ({"gen_ai.operation.name": "execute_tool"}, TOOL),
        ({"gen_ai.operation.name": "invoke_agent"}, TASK),
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.usage.input_tokens": 5}, OTHER),
        *(
            ({"gen_ai.operation.name": name}, OTHER)
            for name in ("create_agent", "retrieval", "invoke_workflow", "plan")
        ),
        *(({"llm.request.type": name}, TOKENS) for name in ("chat", "completion", "embedding")),
        *(({"openinference.span.kind": name}, TOKENS) for name in ("LLM", "EMBEDDING")),
        ({"openinference.span.kind": "AGENT"}, TASK),
        ({"openinference.span.kind": "TOOL"}, TOOL),
        ({"openinference.span.kind": "CHAIN"}, OTHER),
        ({"traceloop.span.kind": "workflow"}, OTHER),
        ({"traceloop.span.kind": "agent"}, TASK),
        ({"langfuse.observation.type": "generation"}, TOKENS),
        ({"langfuse.observation.type": "span"}, OTHER),
        ({"gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 5}, TOKENS),
        ({"http.route": "/"}, OTHER),
    ],
)
def test_what_a_span_becomes(attributes: dict[str, Any], kind: str) -> None:
    assert genai.kind(attributes) == kind


def test_providers_bear_their_current_names() -> None:
    old = {"gen_ai.system": "az.ai.openai"}
    assert genai.provider(old) == "azure.ai.openai"
    assert genai.provider({"gen_ai.provider.name": "dashscope", **old}) == "dashscope"


def test_nothing_that_holds_content_is_read() -> None:
    for part in ("messages", "prompt.", "completion.", "arguments", "result", "observation.input"):
        assert not [name for name in ALLOWED if part in name]
