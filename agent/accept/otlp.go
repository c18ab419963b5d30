package accept

import (
	"net/http"
	"sync"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

// What OTLP is served on over HTTP, and in which types.
const (
	tracesPath = "/v1/traces"
	// rootPath is where SDKs send that were given http://host:port for traces alone
	// (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is "used as-is", OpenTelemetry's
	// specification, exporter.md). With it, one value of that variable is right for
	// HTTP and for gRPC: Go's exporter by gRPC takes a path for part of the host.
	rootPath     = "/"
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
)

// otlpTaker takes in OTLP. It has no state but memory that is used again.
type otlpTaker struct {
	cutters sync.Pool  // of *otlp.Cutter
	cutting sync.Mutex // held by who cuts a request into several frames, which takes 1 MiB

	transcoders sync.Pool  // of *otlpjson.Transcoder
	largeJSON   sync.Mutex // lets one request over smallJSON at a time become protobuf
}

// services are OTLP over gRPC and over HTTP: every listener takes both.
func (t *otlpTaker) services() []service {
	ok := otlpjson.AppendTraceResponse(nil, grpc.PartialSuccess{})
	list := []service{{grpc: true, method: http.MethodPost, path: grpc.TracePath, protocol: overGRPC, take: t.take}}
	for _, path := range []string{tracesPath, rootPath} {
		list = append(list,
			service{method: http.MethodPost, path: path, mediaType: typeProtobuf, protocol: overHTTP, take: t.take, done: http.StatusOK, in: typeProtobuf},
			service{method: http.MethodPost, path: path, mediaType: typeJSON, protocol: overJSON, take: t.takeJSON, done: http.StatusOK, in: typeJSON, says: ok})
	}
	return list
}

// smallJSON is in bytes. What JSON becomes takes memory beside it, less than
// the JSON itself.
const smallJSON = 256 << 10

// takeJSON makes protobuf of a request, and takes that.
func (t *otlpTaker) takeJSON(lane Lane, request []byte) (int, error) {
	if len(request) > smallJSON {
		t.largeJSON.Lock()
		defer t.largeJSON.Unlock()
	}
	tr, ok := t.transcoders.Get().(*otlpjson.Transcoder)
	if !ok {
		tr = new(otlpjson.Transcoder)
	}
	defer t.transcoders.Put(tr)
	request, err := tr.Request(request)
	if err != nil {
		return 0, err
	}
	return t.take(lane, request)
}

// take checks a request and puts it into a lane, whole or not at all.
func (t *otlpTaker) take(lane Lane, request []byte) (int, error) {
	req, err := otlp.ReadRequest(request)
	if err != nil {
		return 0, err
	}
	if len(request) <= otlp.MaxFrame {
		err = t.takeSmall(lane, req)
	} else {
		err = lane.AnsweredAll(len(request), func(put func([]byte, int) error) error { return t.cut(req, put) })
	}
	return req.Spans, err
}

// takeSmall puts a request into a lane that is one frame, or none.
func (t *otlpTaker) takeSmall(lane Lane, req otlp.Request) (err error) {
	c := t.cutter()
	defer t.cutters.Put(c)
	for frame, spans := range req.Frames(c) {
		err = lane.Answered(frame, spans)
	}
	return err
}

// cut puts the frames of a request.
func (t *otlpTaker) cut(req otlp.Request, put func(frame []byte, spans int) error) error {
	t.cutting.Lock()
	defer t.cutting.Unlock()
	c := t.cutter()
	defer t.cutters.Put(c)
	for frame, spans := range req.Frames(c) {
		if err := put(frame, spans); err != nil {
			return err
		}
	}
	return nil
}

func (t *otlpTaker) cutter() *otlp.Cutter {
	if c, ok := t.cutters.Get().(*otlp.Cutter); ok {
		return c
	}
	return new(otlp.Cutter)
}
