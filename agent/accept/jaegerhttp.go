package accept

import (
	"net/http"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// What a Jaeger collector serves on 14268, and in which types (jaeger v1.62.0,
// cmd/collector/app/handler/http_thrift_handler.go, cmd/collector/app/server/http.go,
// pkg/clientcfg/clientcfghttp/handler.go). Clients add ?format=jaeger.thrift,
// which means nothing.
const (
	batchPath    = "/api/traces"
	samplingPath = "/api/sampling"
	baggagePath  = "/api/baggageRestrictions"

	typeThrift       = "application/x-thrift"
	typeThriftBinary = "application/vnd.apache.thrift.binary"
)

// jaegerHTTP takes batches, and answers 202 without a body, as the collector
// does. Refusals are those of OTLP: 429 if the buffer is full and 415 for other
// types, where the collector says 500 and 400. Clients tell success from
// failure, and no more.
func (s *Server) jaegerHTTP() []service {
	spans := &transcoded{large: &s.large, new: func() transcoder {
		t := new(jaegerthrift.Transcoder)
		return func(batch []byte, put func([]byte, int) error) (jaeger.Result, error) {
			res, err := t.Batch(batch, put)
			return res.Result, err
		}
	}}
	batch := service{method: http.MethodPost, path: batchPath, mediaType: typeThrift, protocol: overThrift, take: spans.take, done: http.StatusAccepted}
	other := batch
	other.mediaType = typeThriftBinary
	list := []service{batch, other}
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
