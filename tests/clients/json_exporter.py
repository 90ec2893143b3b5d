"""Run by test_opentelemetry_json in an environment of its own: an agent's work, sent as JSON."""

from opentelemetry.exporter.otlp.json.http.trace_exporter import (  # type: ignore[import-not-found]
    OTLPSpanExporter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("test")
with tracer.start_as_current_span("invoke_agent Ada") as agent:
    agent.set_attribute("gen_ai.operation.name", "invoke_agent")
    agent.set_attribute("gen_ai.agent.name", "Ada")
    with tracer.start_as_current_span("chat m") as call:
        call.set_attribute("gen_ai.operation.name", "chat")
        call.set_attribute("gen_ai.request.model", "m")
        call.set_attribute("gen_ai.usage.input_tokens", 100)
        call.set_attribute("gen_ai.usage.audio.input_tokens", 30)
        call.set_attribute("gen_ai.usage.output_tokens", 4)
    with tracer.start_as_current_span("execute_tool search") as tool:
        tool.set_attribute("gen_ai.operation.name", "execute_tool")
provider.shutdown()
