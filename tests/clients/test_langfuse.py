"""Langfuse's client, unchanged, against the running product."""

import pytest
from langfuse import Langfuse
from opentelemetry.sdk.trace import TracerProvider
from pytest_django.live_server_helper import LiveServer

from metering import queries
from metering.api_keys import create_api_key
from metering.clickhouse.connection import select
from metering.models import Tenant
from metering.usage.period import month_period

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The test server answers each connection in a thread that drops its link to the store.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_an_agent_with_a_generation_and_a_tool(live_server: LiveServer, tenant: Tenant) -> None:
    langfuse = Langfuse(
        public_key="pk-lf-test",
        secret_key=create_api_key(tenant),
        base_url=live_server.url,
        tracer_provider=TracerProvider(),
    )
    with langfuse.start_as_current_observation(name="weather-agent", as_type="agent"):
        with langfuse.start_as_current_observation(
            name="llm", as_type="generation", model="gpt-4o-mini", input="a s3cret question"
        ) as generation:
            # OpenAI chat: 1200 of which 1024 cached, 300 of which 128 reasoning
            generation.update(
                output="a s3cret answer",
                usage_details={
                    "input": 176,
                    "input_cached_tokens": 1024,
                    "output": 172,
                    "output_reasoning_tokens": 128,
                },
            )
        with langfuse.start_as_current_observation(name="get_weather", as_type="tool"):
            pass
    langfuse.flush()
    now = queries.store_now()
    [row] = queries.usage(tenant, month_period(f"{now:%Y-%m}", "UTC"), ("agent",))
    assert row.group == {"agent": "weather-agent"}
    assert (row.requests, row.tool_calls, row.tasks, row.succeeded_tasks) == (1, 1, 1, 1)
    assert (row.input_tokens, row.cache_read_tokens) == (176, 1024)
    assert (row.output_tokens, row.reasoning_tokens) == (300, 128)
    kept = select("SELECT * FROM trace_spans WHERE tenant = %(t)s", {"t": tenant.pk})
    assert len(kept) == 3
    assert "s3cret" not in str(kept)
    langfuse.shutdown()
