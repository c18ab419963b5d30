// Has OpenTelemetry's SDK for Node, of the last line that has an exporter for Jaeger, say the story that it reads from
// standard input with that exporter. The agent's address is in the environment, as the exporter has it:
// OTEL_EXPORTER_JAEGER_AGENT_HOST and OTEL_EXPORTER_JAEGER_AGENT_PORT.
//
// It ends with status 1 if the exporter gave spans up.
'use strict';

const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api');
const { JaegerExporter } = require('@opentelemetry/exporter-jaeger');
const { Resource } = require('@opentelemetry/resources');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const story = require('./story');

const attributes = (tags) => story.keyed(tags, (v) => !Buffer.isBuffer(v)); // which an attribute can't be
const remote = (traceId, spanId) => ({ traceId, spanId, traceFlags: 1, isRemote: true });

async function tell(service) {
  const next = {};
  const provider = new BasicTracerProvider({
    resource: new Resource({ ...attributes(service.tags), 'service.name': service.name }),
    idGenerator: { generateTraceId: () => next.trace, generateSpanId: () => next.id },
    spanProcessors: [new BatchSpanProcessor(new JaegerExporter())],
  });
  for (const s of service.spans) {
    Object.assign(next, s);
    const span = provider.getTracer(s.library, s.build || undefined).startSpan(s.name, {
      kind: s.kind ? SpanKind[s.kind.toUpperCase()] : undefined,
      startTime: s.startTime,
      attributes: attributes(s.tags),
      links: (s.follows || []).map((l) => ({ context: remote(l.trace, l.id), attributes: attributes(l.tags) })),
    }, s.parent ? trace.setSpanContext(ROOT_CONTEXT, remote(s.trace, s.parent)) : ROOT_CONTEXT);
    for (const e of s.events || []) span.addEvent(e.name, attributes(e.tags), e.timestamp);
    if (s.failed) span.setStatus({ code: SpanStatusCode.ERROR, message: s.reason || undefined });
    span.end(s.endTime);
  }
  await provider.forceFlush();
  await provider.shutdown();
}

(async () => {
  for (const service of story.services()) await tell(service);
})().catch((e) => {
  console.error('gave up:', e);
  process.exitCode = 1;
});
