package accept

import (
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
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

// ServeHTTP answers a request of a listener.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.running.RLock()
	defer l.running.RUnlock()
	if l.ended {
		return // its connection is closed
	}
	if grpc.IsContentType(r.Header.Get("Content-Type")) && r.Method == http.MethodPost && r.ProtoMajor == 2 {
		l.serveGRPC(w, r)
		return
	}
	if l.otlp.cors(w, r) {
		return
	}
	l.serveHTTP(w, r)
}

func (l *Listener) serveGRPC(w http.ResponseWriter, r *http.Request) {
	lane := l.lane(r)
	if r.URL.Path != grpc.TracePath {
		lane.Refuse(ledger.Unimplemented)
		replyGRPC(w, grpc.Status{Code: grpc.Unimplemented, Message: "this agent takes traces only: " + grpc.TracePath})
		return
	}
	b := body{budget: &l.otlp.budget}
	defer b.free()
	err := b.enter()
	if err == nil {
		err = b.readGRPC(r.Body, r.Header.Get("Grpc-Encoding"))
	}
	if err == nil {
		err = l.take(lane, b.bytes, &l.grpc)
	}
	if err == nil {
		replyGRPC(w, grpc.Status{})
		return
	}
	no := refuse(err)
	if !no.counted {
		lane.Refuse(no.reason)
	}
	replyGRPC(w, no.Status)
}

func (l *Listener) serveHTTP(w http.ResponseWriter, r *http.Request) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != typeProtobuf && mediaType != typeJSON {
		mediaType = ""
	}
	lane := l.lane(r)
	switch {
	case r.URL.Path != tracesPath:
		if r.Method == http.MethodPost {
			lane.Refuse(ledger.Unimplemented)
		}
		replyHTTP(w, mediaType, refusal{
			Status: grpc.Status{Code: grpc.NotFound, Message: "this agent takes traces only: POST " + tracesPath}, http: http.StatusNotFound,
		})
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		replyHTTP(w, mediaType, refusal{
			Status: grpc.Status{Code: grpc.Unimplemented, Message: "only POST"}, http: http.StatusMethodNotAllowed,
		})
		return
	}
	err := l.export(lane, r, mediaType)
	if err == nil {
		replyHTTP(w, mediaType, refusal{http: http.StatusOK})
		return
	}
	no := refuse(err)
	if !no.counted {
		lane.Refuse(no.reason)
	}
	if no.http == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", "gzip")
		w.Header().Set("Accept-Post", typeProtobuf+", "+typeJSON)
	}
	replyHTTP(w, mediaType, no)
}

// export takes in the body of a POST to tracesPath.
func (l *Listener) export(lane Lane, r *http.Request, mediaType string) error {
	if mediaType == "" {
		return fmt.Errorf("%w: %.100q; %s and %s are", errType, r.Header.Get("Content-Type"), typeProtobuf, typeJSON)
	}
	b := body{budget: &l.otlp.budget}
	defer b.free()
	if err := b.enter(); err != nil {
		return err
	}
	if err := b.readHTTP(r.Body, strings.ToLower(r.Header.Get("Content-Encoding")), r.ContentLength); err != nil {
		return err
	}
	if mediaType == typeJSON {
		return l.takeJSON(lane, b.bytes)
	}
	return l.take(lane, b.bytes, &l.http)
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
	c, ok := l.otlp.cutters.Get().(*otlp.Cutter)
	if !ok {
		c = new(otlp.Cutter)
	}
	defer l.otlp.cutters.Put(c)
	if len(request) <= otlp.MaxFrame {
		for frame, spans := range req.Frames(c) { // one, or none
			err = lane.Answered(frame, spans)
		}
	} else {
		err = lane.AnsweredAll(len(request), func(put func([]byte, int) error) error {
			for frame, spans := range req.Frames(c) {
				if err := put(frame, spans); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	count.Add(1)
	l.bytes.Add(uint64(len(request)))
	l.spans.Add(uint64(req.Spans))
	return nil
}

// lane is where the spans of a request go.
func (l *Listener) lane(r *http.Request) Lane {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr) // a Unix socket has none
	return l.otlp.lanes(Origin{Listener: l.address, Peer: peer})
}
