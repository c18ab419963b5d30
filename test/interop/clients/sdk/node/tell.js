// Has OpenTelemetry's SDK for Node say the story that it reads, as JSON, from standard input, with one of its OTLP
// exporters. Arguments: the exporter (grpc, proto or json), the agent's URL, none or gzip, and, for TLS, files with an
// authority, a certificate and its key. The story is ../../scenario/json.go's.
//
// It ends with status 1 if the exporter gave spans up, and says so, and what the SDK says of itself, on standard error.
'use strict';

const fs = require('fs');
const { DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, diag, trace } = require('@opentelemetry/api');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const [protocol, url, compression, ca, cert, key] = process.argv.slice(2);
const read = (file) => (file ? fs.readFileSync(file) : undefined);

const log = (...words) => console.error(...words);
diag.setLogger({ error: log, warn: log, info: log, debug: () => {}, verbose: log }, DiagLogLevel.VERBOSE);

const makers = {
  grpc() {
    const { credentials } = require('@grpc/grpc-js');
    const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-grpc');
    return new OTLPTraceExporter({
      url, compression,
      credentials: ca ? credentials.createSsl(read(ca), read(key), read(cert)) : credentials.createInsecure(),
    });
  },
  proto: () => http(require('@opentelemetry/exporter-trace-otlp-proto')),
  json: () => http(require('@opentelemetry/exporter-trace-otlp-http')),
};
const http = ({ OTLPTraceExporter }) => new OTLPTraceExporter({
  url: url + '/v1/traces', compression,
  httpAgentOptions: { keepAlive: true, ca: read(ca), cert: read(cert), key: read(key) },
});

// A value that JSON has not is an object: bytes, which the SDK can't be told, and text that is broken. What is broken in
// UTF-8 is a lone surrogate in UTF-16.
const value = (v) => ('broken' in v
  ? Buffer.from(v.broken, 'base64').toString('latin1').replace(/[\x80-\xff]/g, (c) => String.fromCharCode(0xdc00 + c.charCodeAt(0)))
  : undefined);
const attributes = (tags) => Object.fromEntries((tags || [])
  .map((t) => [t.key, typeof t.value === 'object' && !Array.isArray(t.value) ? value(t.value) : t.value])
  .filter(([, v]) => v !== undefined));
const remote = (traceId, spanId) => ({ traceId, spanId, traceFlags: 1, isRemote: true });

async function tell(service) {
  const next = {};
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ ...attributes(service.tags), 'service.name': service.name }),
    idGenerator: { generateTraceId: () => next.trace, generateSpanId: () => next.id },
    spanProcessors: [new BatchSpanProcessor(makers[protocol]())],
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
  for (const service of JSON.parse(fs.readFileSync(0, 'utf8'))) await tell(service);
})().catch((e) => {
  log(`gave up: code ${[e].flat()[0].code}: ${[e].flat()[0].message}`);
  process.exitCode = 1;
});
