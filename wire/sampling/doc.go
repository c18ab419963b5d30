// Package sampling is what Jaeger tells tracers of how much to sample: the
// strategy of a service, in the forms in which it travels, and the file in which
// operators write strategies.
//
//	tracer ── GET /sampling?service=S ──► JSON, the type as a word
//	       ── GET /?service=S ──────────► JSON, the type as a number (clients from before 2018)
//	       ── gRPC GetSamplingStrategy ─► protobuf
//
// Sources: jaeger-idl, proto/api_v2/sampling.proto, which says of strategyType
// that clients had better look at what is there, operationSampling first;
// jaeger 1.62.0, pkg/clientcfg/clientcfghttp/handler.go and
// model/converter/json/sampling.go for JSON,
// plugin/sampling/strategyprovider/static for files.
package sampling

// Method is the :path of the call by which a strategy is asked for.
const Method = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"
