"""OpenTelemetry's SDK and its HTTP exporter, unchanged, against the running product."""

import base64
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode, Tracer
from pytest_django.live_server_helper import LiveServer

from metering import queries
from metering.api_keys import create_api_key
from metering.models import Tenant
from metering.usage.period import month_period

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The test server answers each connection in a thread that drops its link to the store.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def exporter(live_server: LiveServer, tenant: Tenant) -> Callable[..., OTLPSpanExporter]:
    key = create_api_key(tenant)

    def make(path: str = "/v1/traces", header: str = "", gzip: bool = False) -> OTLPSpanExporter:
        return OTLPSpanExporter(
            endpoint=live_server.url + path,
            headers={"Authorization": header.format(key=key) or f"Bearer {key}"},
            compression=Compression.Gzip if gzip else Compression.NoCompression,
        )

    return make


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    provider = TracerProvider(resource=Resource.create({"service.name": "agent-svc"}))
    yield provider
    provider.shutdown()


def work(tracer: Tracer) -> None:
    """An agent that calls a model and a tool, and then fails; its span ends last."""
    with tracer.start_as_current_span("invoke_agent Ada") as agent:
        agent.set_attribute("gen_ai.operation.name", "invoke_agent")
        agent.set_attribute("gen_ai.agent.name", "Ada")
        with tracer.start_as_current_span("chat m") as call:
            call.set_attribute("gen_ai.operation.name", "chat")
            call.set_attribute("gen_ai.request.model", "m")
            call.set_attribute("gen_ai.usage.input_tokens", 10)
            call.set_attribute("gen_ai.usage.output_tokens", 4)
        with tracer.start_as_current_span("execute_tool search") as tool:
            tool.set_attribute("gen_ai.operation.name", "execute_tool")
        agent.set_status(Status(StatusCode.ERROR, "it did not work"))


def used(tenant: Tenant) -> list[tuple[dict[str, str], int, int, int, int]]:
    now = queries.store_now()
    rows = queries.usage(tenant, month_period(f"{now:%Y-%m}", "UTC"), ("agent",))
    return [(r.group, r.requests, r.input_tokens, r.tool_calls, r.tasks) for r in rows]


@pytest.mark.parametrize("gzip", [False, True])
def test_spans_sent_one_by_one_end_with_their_agent(
    gzip: bool, tenant: Tenant, exporter: Callable[..., OTLPSpanExporter], provider: TracerProvider
) -> None:
    """Each span is a request of its own when it ends, so the agent's is the last."""
    provider.add_span_processor(SimpleSpanProcessor(exporter(gzip=gzip)))
    work(provider.get_tracer("test"))
    assert used(tenant) == [({"agent": "Ada"}, 1, 10, 1, 1)]


def test_a_batch_to_the_path_of_langfuse_with_its_authorisation(
    tenant: Tenant, exporter: Callable[..., OTLPSpanExporter], provider: TracerProvider
) -> None:
    key = create_api_key(tenant)
    basic = "Basic " + base64.b64encode(f"pk-lf:{key}".encode()).decode()
    path = "/api/public/otel/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(exporter(path, basic)))
    for _ in range(20):
        work(provider.get_tracer("test"))
    assert provider.force_flush()
    assert used(tenant) == [({"agent": "Ada"}, 20, 200, 20, 20)]


def test_a_wrong_key_is_reported_and_not_tried_again(
    exporter: Callable[..., OTLPSpanExporter],
    provider: TracerProvider,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider.add_span_processor(SimpleSpanProcessor(exporter(header="Bearer nope")))
    with provider.get_tracer("test").start_as_current_span("chat m"):
        pass
    assert "401" in caplog.text
