package accept

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

// What is served, and in which types.
const (
	tracesPath   = "/v1/traces"
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
)

var errType = errors.New("content type that is not understood")

// OTLP takes in OTLP, over gRPC and over HTTP on every one of its listeners,
// within one budget for all of them:
//
//	request ─► budget ─► uncompress ─► check, cut ─► lane ─► answer
//
// A success means that the spans are in the lane.
type OTLP struct {
	lanes   Lanes
	log     *slog.Logger
	budget  budget
	conns   connections
	certs   atomic.Pointer[certificates] // nil: no TLS
	origins atomic.Pointer[[]string]     // of browsers, that may send
	cutters sync.Pool                    // of *otlp.Cutter
	cutting sync.Mutex                   // held by who cuts a request into several frames, which takes 1 MiB

	transcoders sync.Pool  // of *otlpjson.Transcoder
	largeJSON   sync.Mutex // lets one request over smallJSON at a time become protobuf
}

// smallJSON is in bytes. What JSON becomes takes memory beside it, less than
// the JSON itself.
const smallJSON = 256 << 10

// OTLPOptions may be changed while it runs.
type OTLPOptions struct {
	// Origins are those of web pages that may send, such as
	// https://shop.example; "*" is any.
	Origins []string
	// TLS is for the TCP listeners.
	TLS TLSOptions
}

// NewOTLP returns one without listeners.
func NewOTLP(lanes Lanes, log *slog.Logger) *OTLP {
	o := &OTLP{lanes: lanes, log: log, conns: connections{limit: connectionLimit()}}
	o.origins.Store(new([]string))
	return o
}

// SetOptions takes effect for requests and connections that come from now on.
// The error is of a certificate that can't be read; then nothing has changed.
func (o *OTLP) SetOptions(opt OTLPOptions) error {
	certs, err := newCertificates(opt.TLS, o.log)
	if err != nil {
		return err
	}
	o.certs.Store(certs)
	origins := slices.Clone(opt.Origins)
	o.origins.Store(&origins)
	return nil
}

// takeJSON makes protobuf of a request, and takes that.
func (l *Listener) takeJSON(lane Lane, request []byte) error {
	if len(request) > smallJSON {
		l.otlp.largeJSON.Lock()
		defer l.otlp.largeJSON.Unlock()
	}
	t, ok := l.otlp.transcoders.Get().(*otlpjson.Transcoder)
	if !ok {
		t = new(otlpjson.Transcoder)
	}
	defer l.otlp.transcoders.Put(t)
	request, err := t.Request(request)
	if err != nil {
		return err
	}
	return l.take(lane, request, &l.json)
}

// take checks a request and puts it into a lane, whole or not at all.
func (l *Listener) take(lane Lane, request []byte, count *atomic.Uint64) error {
	req, err := otlp.ReadRequest(request)
	if err != nil {
		return err
	}
	if len(request) <= otlp.MaxFrame {
		err = l.takeSmall(lane, req)
	} else {
		err = lane.AnsweredAll(len(request), func(put func([]byte, int) error) error { return l.cut(req, put) })
	}
	if err != nil {
		return err
	}
	count.Add(1)
	l.bytes.Add(uint64(len(request)))
	l.spans.Add(uint64(req.Spans))
	return nil
}

// takeSmall puts a request into a lane that is one frame, or none.
func (l *Listener) takeSmall(lane Lane, req otlp.Request) (err error) {
	c := l.cutter()
	defer l.otlp.cutters.Put(c)
	for frame, spans := range req.Frames(c) {
		err = lane.Answered(frame, spans)
	}
	return err
}

// cut puts the frames of a request.
func (l *Listener) cut(req otlp.Request, put func(frame []byte, spans int) error) error {
	l.otlp.cutting.Lock()
	defer l.otlp.cutting.Unlock()
	c := l.cutter()
	defer l.otlp.cutters.Put(c)
	for frame, spans := range req.Frames(c) {
		if err := put(frame, spans); err != nil {
			return err
		}
	}
	return nil
}

func (l *Listener) cutter() *otlp.Cutter {
	if c, ok := l.otlp.cutters.Get().(*otlp.Cutter); ok {
		return c
	}
	return new(otlp.Cutter)
}
