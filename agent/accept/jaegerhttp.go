package accept

import "net/http"

// Where a Jaeger collector answers questions on 14268 (jaeger v1.62.0,
// cmd/collector/app/server/http.go and pkg/clientcfg/clientcfghttp/handler.go).
const (
	samplingPath = "/api/sampling"
	baggagePath  = "/api/baggageRestrictions"
)

// jaegerHTTP is what a Jaeger collector serves on 14268.
func (s *Server) jaegerHTTP() (list []service) {
	if s.answers != nil {
		list = append(list,
			service{method: http.MethodGet, path: samplingPath, ask: s.get},
			service{method: http.MethodGet, path: baggagePath, ask: s.get})
	}
	return list
}

// get has a question over HTTP answered.
func (s *Server) get(q question) (a answer) {
	a.status, a.mediaType, a.body = s.answers.Get(q.path, q.query)
	return a
}
