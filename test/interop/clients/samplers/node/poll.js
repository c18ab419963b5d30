// Asks an agent for the strategy of "shop" until the sampler decides as it should: the operation "always" is sampled and
// "never" is not, the other way round from what it begins with.
//
//   node poll.js otel|jaeger HOST PORT
'use strict';

const [client, host, port] = process.argv.slice(2);
const every = 50; // ms
const patience = 30_000; // ms

// decide says whether a span of this operation is sampled.
const decide = {otel, jaeger}[client]();
const end = Date.now() + patience;
setInterval(() => {
  if (decide('always') && !decide('never')) process.exit(0);
  if (Date.now() > end) {
    console.error('the sampler does not decide as the strategy says');
    process.exit(1);
  }
}, every);

function otel() {
  const api = require('@opentelemetry/api');
  const {JaegerRemoteSampler} = require('@opentelemetry/sampler-jaeger-remote');
  api.diag.setLogger(new api.DiagConsoleLogger(), api.DiagLogLevel.WARN);
  const sampler = new JaegerRemoteSampler({
    endpoint: `http://${host}:${port}`, serviceName: 'shop', poolingInterval: every,
    initialSampler: {shouldSample: (_c, _t, name) => ({decision: name === 'never' ? 2 : 0})},
  });
  const hex = () => Math.floor((1 + Math.random()) * 0x100000000).toString(16).slice(1);
  return (operation) => sampler.shouldSample(api.ROOT_CONTEXT, hex() + hex() + hex() + hex(), operation, 0, {}, []).decision === 2;
}

function jaeger() {
  const {ConstSampler, InMemoryReporter, RemoteSampler, Tracer} = require('jaeger-client');
  const logger = {info: () => {}, error: (text) => console.error(text)};
  const sampler = new RemoteSampler('shop', {host, port, refreshInterval: every, sampler: new ConstSampler(false), logger});
  const tracer = new Tracer('shop', new InMemoryReporter(), sampler, {logger});
  return (operation) => tracer.startSpan(operation).context().isSampled();
}
