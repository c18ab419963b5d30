// Has Jaeger's client for Node say the story that it reads from standard input to the agent at the UDP address in its
// arguments.
'use strict';

const { ConstSampler, RemoteReporter, SpanContext, Tracer, opentracing } = require('jaeger-client');
const UDPSender = require('jaeger-client/dist/src/reporters/udp_sender').default;
const Utils = require('jaeger-client/dist/src/util').default;
const story = require('./story');

const [host, port] = process.argv.slice(2);
const id = (hex) => Buffer.from(hex, 'hex');
const keyed = (tags) => story.keyed(tags, (v) => !Array.isArray(v)); // a Jaeger tag is one value

// Sender says a uuid that is the same each time.
class Sender extends UDPSender {
  setProcess(process) {
    process.tags.find((t) => t.key === 'client-uuid').vStr = '00000000-0000-4000-8000-000000000001';
    super.setProcess(process);
  }
}

for (const service of story.services()) {
  const reporter = new RemoteReporter(new Sender({ host, port: Number(port) }), { bufferFlushInterval: 3600e3 });
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
