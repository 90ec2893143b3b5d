// Run by test_opentelemetry_json from a folder of its own: an agent's work, sent as JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { context, trace } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");

const provider = new NodeTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())],
});
const tracer = provider.getTracer("test");
const agent = tracer.startSpan("invoke_agent Ada", {
  attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Ada" },
});
const within = trace.setSpan(context.active(), agent);
tracer
  .startSpan(
    "chat m",
    {
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.audio.input_tokens": 30,
        "gen_ai.usage.output_tokens": 4,
      },
    },
    within,
  )
  .end();
tracer
  .startSpan("execute_tool search", { attributes: { "gen_ai.operation.name": "execute_tool" } }, within)
  .end();
agent.end();
await provider.forceFlush();
await provider.shutdown();
