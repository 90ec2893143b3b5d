"""What the attributes of a span say about a model call, a tool or an agent, in every generation.

Names: OpenTelemetry GenAI semantic conventions, OpenInference, OpenLLMetry, Langfuse, Sentry. Only
the attributes named here are ever read, so prompts and answers are left where they are.
"""

from collections.abc import Mapping
from decimal import Decimal

Attributes = Mapping[str, str | int | Decimal | bool]

TOKENS, TOOL, TASK, OTHER = "agent.tokens", "agent.tool", "agent.task", ""

# Canonical name first; the first one present counts.
ALIASES: dict[str, tuple[str, ...]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.system", "llm.provider"),
    "operation": (
        "gen_ai.operation.name",
        "llm.request.type",
        "openinference.span.kind",
        "traceloop.span.kind",
        "langfuse.observation.type",
    ),
    "model": (
        "gen_ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "langfuse.observation.model.name",
    ),
    "response": ("gen_ai.response.id",),
    "agent": (
        "gen_ai.agent.id",
        "gen_ai.agent.name",
        "agent.name",
        "graph.node.id",
        "graph.node.name",
    ),
    "entity": ("traceloop.entity.name",),
    "session": (
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "gen_ai.thread.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
    ),
    "tool": ("gen_ai.tool.name", "tool.name"),
    "tier": (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
    ),
    "input": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.input_tokens.cached",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "gen_ai.usage.input_tokens.cache_write",
    ),
    "cache_write_long": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "gen_ai.usage.output_tokens.reasoning",
    ),
    "total": ("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"),
    "details": ("langfuse.observation.usage_details",),
}
# The same by modality: parts of the totals above.
MODALITIES = ("text", "image", "audio", "video")
BY_MODALITY: dict[str, dict[str, tuple[str, ...]]] = {
    "prompt": {
        modality: (
            f"gen_ai.usage.{modality}.input_tokens",
            f"llm.token_count.prompt_details.{modality}",
        )
        for modality in MODALITIES
    },
    "cache_read": {
        modality: (f"gen_ai.usage.{modality}.cache_read.input_tokens",) for modality in MODALITIES
    },
    "output": {
        modality: (
            f"gen_ai.usage.{modality}.output_tokens",
            f"llm.token_count.completion_details.{modality}",
        )
        for modality in MODALITIES
    },
}
LONGEST = 512
ALLOWED = frozenset(name for names in ALIASES.values() for name in names) | frozenset(
    name for told in BY_MODALITY.values() for names in told.values() for name in names
)

_KINDS: dict[str, str] = {
    **dict.fromkeys(
        ("chat", "generate_content", "text_completion", "embeddings", "completion", "embedding"),
        TOKENS,
    ),
    **dict.fromkeys(("llm", "generation", "responses", "anthropic_messages"), TOKENS),
    **dict.fromkeys(("acompletion", "atext_completion", "aembedding", "aresponses"), TOKENS),
    **dict.fromkeys(("execute_tool", "tool"), TOOL),
    **dict.fromkeys(("invoke_agent", "agent"), TASK),
}
# Values that were renamed, so that two spans of one call and the price book mean the same.
_PROVIDERS = {
    "xai": "x_ai",
    "az.ai.openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "gemini": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
}
_TIERS = {"default": "standard", "auto": ""}


def text(attributes: Attributes, meaning: str) -> str:
    """The first value that is not empty among the aliases; never longer than an event takes."""
    found = (attributes.get(name) for name in ALIASES[meaning])
    return next((str(value)[:LONGEST] for value in found if value), "")


def kind(attributes: Attributes) -> str:
    """The type of event the span becomes; OTHER for none.

    `fetch_response` reads a stored answer again and is not a call. Early emitters name no
    operation: there a model and its usage tell.
    """
    operation = text(attributes, "operation").lower()
    if not operation and text(attributes, "model") and text(attributes, "input"):
        return TOKENS
    return _KINDS.get(operation, OTHER)


def provider(attributes: Attributes) -> str:
    """The provider by its current name."""
    name = text(attributes, "provider").lower()
    return _PROVIDERS.get(name, name)


def service_tier(attributes: Attributes) -> str:
    """The tier that served the call; what was only left to chance is unknown."""
    tier = text(attributes, "tier").lower()
    return _TIERS.get(tier, tier)
