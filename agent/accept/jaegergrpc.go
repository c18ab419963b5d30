package accept

import "net/http"

// samplingMethod is the method by which OpenTelemetry's jaeger_remote samplers
// ask for a strategy (jaeger-idl, proto/api_v2/sampling.proto).
const samplingMethod = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"

// jaegerGRPC is what a Jaeger collector serves on 14250.
func (s *Server) jaegerGRPC() (list []service) {
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
