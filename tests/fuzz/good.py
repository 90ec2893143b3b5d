"""Good input of every format, for the fuzzers to damage."""

import json
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.metering import otlp

AT = "2026-10-05T12:00:00Z"


def _event(kind: str, **data: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": f"id-{kind}", "source": "s", "type": kind}
    return event | {"subject": "ada", "time": AT, "data": data}


EVENTS = [
    _event(
        "agent.task", task="t", status="succeeded", started_at=AT, ended_at=AT, parent_task="p",
        session="s", fingerprint="f", labels={"a": "b"},
    ),
    _event(
        "agent.tokens", task="t", provider="p", model="m", input_tokens=1, cache_read_tokens=2,
        cache_write_tokens=3, cache_write_long_tokens=1, output_tokens=5, reasoning_tokens=2,
        modality="text", service_tier="standard", attempt=1, prefix_blocks=["a", 7],
        block_tokens=16, duration_ms=12,
    ),
    _event("agent.cache", cache="c", hit=True, saved_tokens=5, model="m"),
    _event(
        "agent.chip", chip="c", count="1.5", started_at=AT, ended_at=AT, phase="idle", region="r"
    ),
    _event("agent.tool", tool="t", status="ok", duration_ms=3, units=2),
    _event("custom.pages", value="1.000000000000000001"),
]  # fmt: skip
EVENT_BODIES = [json.dumps(event).encode() for event in EVENTS]

LAGO = [
    json.dumps({"event": event}).encode()
    for event in (
        {
            "transaction_id": "t", "external_subscription_id": "s", "code": "calls",
            "timestamp": 1_791_201_600, "precise_total_amount_cents": "12.5",
            "properties": {"value": "3", "pages": 2, "region": "eu", "flag": True, "n": {"a": 1}},
        },
        {
            "transaction_id": "t2", "external_subscription_id": "s", "code": "agent.tokens",
            "timestamp": "1791201600.123456",
            "properties": {"agent_id": "ada", "model": "m", "input_tokens": 5},
        },
    )
]  # fmt: skip
LAGO_BATCH = [b'{"events": [' + b",".join(body[10:-1] for body in LAGO) + b"]}"]

USAGES = [
    json.dumps(usage).encode()
    for usage in (
        {
            "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {
                "cached_tokens": 60, "cache_write_tokens": 5,
                "cache_creation_token_details": {"ephemeral_1h_input_tokens": 5},
            },
            "completion_tokens_details": {"reasoning_tokens": 7},
            "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40,
        },
        {
            "input_tokens": 100, "output_tokens": 20,
            "input_tokens_details": {"cached_tokens": 60},
            "output_tokens_details": {"reasoning_tokens": 7},
        },
        {
            "input_tokens": 40, "output_tokens": 20, "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 9,
            "cache_creation": {"ephemeral_1h_input_tokens": 4, "ephemeral_5m_input_tokens": 5},
        },
        {
            "promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 7,
            "cachedContentTokenCount": 60, "toolUsePromptTokenCount": 3,
        },
    )
]  # fmt: skip

LITELLM = [
    json.dumps(
        [
            {
                "id": "i", "litellm_call_id": "c", "status": "success", "call_type": "completion",
                "cache_hit": False, "custom_llm_provider": "openai", "model": "openai/gpt-5",
                "startTime": 1_791_201_600.25, "endTime": 1_791_201_601, "prompt_tokens": 100,
                "completion_tokens": 20, "end_user": "u",
                "metadata": {
                    "requester_metadata": {"agent_id": "ada", "task": "t", "attempt": 2},
                    "usage_object": json.loads(usage), "user_api_key_alias": "k",
                },
                "model_parameters": {"service_tier": "default"},
            },
            {"litellm_call_id": "d", "status": "failure", "model": "m"},
        ]
    ).encode()
    for usage in USAGES
]  # fmt: skip

_PARENT = otlp.agent("planner", attributes={"gen_ai.conversation.id": "conversation"})
_SPANS: list[Span] = [
    _PARENT,
    otlp.call("r1", parent=_PARENT),
    otlp.call("r1", parent=_PARENT, attributes={"gen_ai.usage.reasoning.output_tokens": 3}),
    otlp.tool("search", parent=_PARENT),
    otlp.make(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "m",
            "langfuse.observation.usage_details": '{"input": 5, "output": 2, "cache_read": 1}',
        }
    ),
    otlp.make(
        {"openinference.span.kind": "LLM", "llm.token_count.prompt": 5, "llm.model_name": "m"}
    ),
    otlp.make({"some": "thing"}, failed=True),
]
_EXPORTS = [otlp.export(_SPANS), otlp.export(_SPANS[:2], service="")]
OTLP_PROTOBUF = [otlp.encode(export) for export in _EXPORTS]
OTLP_JSON = [otlp.as_json(export) for export in _EXPORTS] + [b"{}"]

_SAMPLE = (
    'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",modelName="NVIDIA H100",Hostname="h",'
    'GPU_I_PROFILE="1g.10gb",GPU_I_ID="1",namespace="n",pod="p"} 5 '
)
DCGM = [
    "\n".join(
        ["# HELP", *(f"{_SAMPLE}{1_791_201_600_000 + n * 60_000}" for n in range(3))]
    ).encode()
]
OPENCOST = [
    json.dumps(
        {
            "code": 200,
            "data": [
                {
                    "a": {
                        "name": "cluster/n/p", "start": "2026-10-05T00:00:00Z",
                        "end": "2026-10-05T01:00:00Z",
                        "window": {"start": "2026-10-05T00:00:00Z", "end": "2026-10-06T00:00:00Z"},
                        "properties": {
                            "cluster": "c", "namespace": "n", "controller": "d",
                            "labels": {"agent": "ada"},
                        },
                        "gpuCount": count, "gpuHours": 2.5, "gpuAllocation": {"gpuModel": "H100"},
                    }
                },
                None,
            ],
        }
    ).encode()
    for count in (2, 0)
]  # fmt: skip
MOONCAKE = [b'{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]}\n' * 2]
AZURE = [b"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n"]
