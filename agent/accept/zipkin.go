package accept

import (
	"net/http"

	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

// What a Zipkin server takes on 9411 (openzipkin/zipkin-api, zipkin2-api.yaml and
// zipkin-api.yaml).
const (
	zipkinV1Path     = "/api/v1/spans"
	zipkinV2Path     = "/api/v2/spans"
	zipkinHealthPath = "/health"
)

// zipkinHTTP takes spans in all of Zipkin's formats, and answers 202 without a
// body, as Zipkin does. A body of a type that is not known is JSON: curl and some
// clients name another one or none, and Zipkin and the Collector take it so.
func (s *Server) zipkinHTTP() []service {
	v1json, v1thrift := s.zipkin((*zipkin.Transcoder).JSON1), s.zipkin((*zipkin.Transcoder).Thrift)
	v2json, v2proto := s.zipkin((*zipkin.Transcoder).JSON2), s.zipkin((*zipkin.Transcoder).Protobuf)
	var list []service
	for _, one := range []service{
		{path: zipkinV2Path, mediaType: typeJSON, protocol: overJSON, take: v2json.take},
		{path: zipkinV2Path, mediaType: typeProtobuf, protocol: overHTTP, take: v2proto.take},
		{path: zipkinV2Path, protocol: overJSON, take: v2json.take},
		{path: zipkinV1Path, mediaType: typeJSON, protocol: overJSON, take: v1json.take},
		{path: zipkinV1Path, mediaType: typeThrift, protocol: overThrift, take: v1thrift.take},
		{path: zipkinV1Path, mediaType: typeThriftBinary, protocol: overThrift, take: v1thrift.take},
		{path: zipkinV1Path, protocol: overJSON, take: v1json.take},
	} {
		one.method, one.done = http.MethodPost, http.StatusAccepted
		list = append(list, one)
	}
	up := answer{status: http.StatusOK, mediaType: typeJSON, body: []byte(`{"status":"UP"}`)}
	return append(list, service{method: http.MethodGet, path: zipkinHealthPath, ask: func(question) answer { return up }})
}

// zipkin takes spans in one format.
func (s *Server) zipkin(format func(*zipkin.Transcoder, []byte, func([]byte, int) error) (zipkin.Result, error)) *transcoded {
	return &transcoded{large: &s.large, new: func() transcoder {
		t := new(zipkin.Transcoder)
		return func(body []byte, put func([]byte, int) error) (jaeger.Result, error) {
			res, err := format(t, body, put)
			return jaeger.Result(res), err
		}
	}}
}
