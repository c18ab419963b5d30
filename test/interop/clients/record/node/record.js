// Has Jaeger's client for Node say the story that it reads, as JSON, from standard input, to the agent at the UDP address
// in its arguments. See ../../scenario/scenario.go for the story.
'use strict';

const fs = require('fs');
const { ConstSampler, RemoteReporter, SpanContext, Tracer, opentracing } = require('jaeger-client');
const UDPSender = require('jaeger-client/dist/src/reporters/udp_sender').default;
const Utils = require('jaeger-client/dist/src/util').default;

const [host, port] = process.argv.slice(2);
const id = (hex) => Buffer.from(hex, 'hex');
// JSON has no bytes: they come as {"bytes": base64}, and as {"broken": base64} if they should have been text. A Jaeger tag
// is one value: the client is told no lists.
const value = (v) => (v.bytes ? Buffer.from(v.bytes, 'base64') : v.broken ? Buffer.from(v.broken, 'base64').toString() : v);
const keyed = (tags) => Object.fromEntries((tags || []).filter((t) => !Array.isArray(t.value)).map((t) => [t.key, value(t.value)]));

for (const service of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  const reporter = new RemoteReporter(new UDPSender({ host, port: Number(port) }), { bufferFlushInterval: 3600e3 });
  const tracer = new Tracer(service.name, reporter, new ConstSampler(true), {
    traceId128bit: true,
    tags: { ...keyed(service.tags), hostname: 'recorder', ip: '192.0.2.9' },
  });
  for (const s of service.spans) {
    // The client makes its ids of random numbers; a root's is the lower half of the trace id.
    Utils.getRandom128 = () => id(s.trace);
    Utils.getRandom64 = () => id(s.id);
    const span = tracer.startSpan(s.name, {
      startTime: s.start,
      childOf: s.parent ? new SpanContext(id(s.trace), id(s.parent)) : undefined,
      references: (s.follows || []).map((f) => opentracing.followsFrom(new SpanContext(id(f.trace), id(f.id)))),
    });
    if (s.kind) span.setTag('span.kind', s.kind);
    if (s.failed) span.setTag('error', true);
    span.addTags(keyed(s.tags));
    for (const e of s.events || []) span.log({ ...(e.name ? { event: e.name } : {}), ...keyed(e.tags) }, e.time);
    span.finish(s.start + s.duration);
  }
  tracer.close();
}
