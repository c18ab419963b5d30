package accept

import (
	"net/http"

	"github.com/wayside-tracing/wayside/wire/jaegerproto"
)

// Methods of a Jaeger collector (jaeger-idl, proto/api_v2/collector.proto and
// sampling.proto). By the second OpenTelemetry's jaeger_remote samplers, and
// Jaeger's own agents, ask for a strategy.
const (
	postSpansMethod = "/jaeger.api_v2.CollectorService/PostSpans"
	samplingMethod  = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"
)

// jaegerGRPC is what a Jaeger collector serves on 14250. Its answers are empty
// messages, as OTLP's are.
func (s *Server) jaegerGRPC() []service {
	spans := &transcoded{large: &s.large, new: func() transcoder { return new(jaegerproto.Transcoder).Request }}
	list := []service{{grpc: true, method: http.MethodPost, path: postSpansMethod, protocol: overGRPC, take: spans.take}}
	if s.answers != nil {
		list = append(list, service{grpc: true, method: http.MethodPost, path: samplingMethod, ask: s.call})
	}
	return list
}

// call has a question over gRPC answered.
func (s *Server) call(q question) (a answer) {
	a.body, a.err = s.answers.Answer(q.path, q.body)
	return a
}
