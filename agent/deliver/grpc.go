package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/deliver/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// verdicts says what each code means; the reasons stand in the design
// document's table of answers. RESOURCE_EXHAUSTED has two meanings: see
// tooLarge.
var verdicts = [grpc.Codes]Verdict{
	grpc.OK: Taken,

	grpc.Unavailable:       Later,
	grpc.DeadlineExceeded:  Later,
	grpc.Aborted:           Later,
	grpc.Cancelled:         Later,
	grpc.OutOfRange:        Later,
	grpc.DataLoss:          Later,
	grpc.ResourceExhausted: Later,

	grpc.InvalidArgument:    Refused,
	grpc.Internal:           Refused,
	grpc.Unknown:            Refused,
	grpc.NotFound:           Refused,
	grpc.AlreadyExists:      Refused,
	grpc.FailedPrecondition: Refused,

	grpc.Unauthenticated:  Held,
	grpc.PermissionDenied: Held,
	grpc.Unimplemented:    Held,
}

// TransportOptions are how exports are made.
type TransportOptions struct {
	Compression Compression
	UserAgent   string
	// TLS is for gRPC; with HTTP, the endpoint's URL says it. It needs
	// Credentials.
	TLS bool
	// Proxy says how endpoints are reached; nil is without one.
	Proxy Proxy
	// Credentials are shown to endpoints and asked of them; nil is none.
	Credentials *Credentials
}

// GRPC is unary calls on HTTP/2, with or without TLS: of OTLP, or of Jaeger.
type GRPC struct {
	opt      TransportOptions
	dialer   dialer
	client   *h2.Client
	header   []hpack.HeaderField // of every call; not changed
	compress *compressor         // nil: none
	posts    *posts              // nil: OTLP

	mu  sync.Mutex
	tls *tls.Config // that was in force at the last call
}

// NewGRPC returns a transport of OTLP without connections. Close it after use.
func NewGRPC(opt TransportOptions) *GRPC { return newGRPC(opt, grpc.TracePath) }

func newGRPC(opt TransportOptions, path string) *GRPC {
	t := &GRPC{opt: opt, dialer: dialer{opt.Proxy, opt.UserAgent}, compress: newCompressor(opt.Compression)}
	t.client = h2.NewClient(t.dial)
	scheme := "http"
	if opt.TLS {
		scheme = "https"
	}
	t.header = []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":path", Value: path},
		{Name: "content-type", Value: grpc.ContentType},
		{Name: "te", Value: "trailers"},
		{Name: "user-agent", Value: opt.UserAgent},
	}
	if opt.Compression != Uncompressed {
		t.header = append(t.header,
			hpack.HeaderField{Name: "grpc-encoding", Value: string(opt.Compression)},
			hpack.HeaderField{Name: "grpc-accept-encoding", Value: "identity,gzip,zstd"})
	}
	return t
}

func (t *GRPC) dial(ctx context.Context, address string) (net.Conn, error) {
	to := parseTarget(address)
	if !t.opt.TLS {
		return t.dialer.plain(ctx, to)
	}
	secure, err := t.opt.Credentials.tlsFor()
	if err != nil {
		return nil, err
	}
	return t.dialer.secure(ctx, to, secure, "h2")
}

// Close closes the connections.
func (t *GRPC) Close() { t.client.Close() }

// Export implements Transport.
func (t *GRPC) Export(ctx context.Context, to Target, chunks [][]byte) Answer {
	credentials := t.opt.Credentials.current()
	t.renew(credentials.tls)
	body, sent, done := t.body(chunks)
	defer done()
	resp, err := t.client.Do(ctx, to.String(), h2.Request{
		Header: t.headerFor(ctx, to, credentials.headers),
		Body:   message(body, t.compress != nil),
	})
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.New("no answer in time")
		}
		return Answer{Verdict: Later, Err: err, Sent: sent}
	}
	a := answer(resp)
	a.Sent = sent
	return a
}

// body makes what is sent of frames, and says of how many spans if that may be
// less than all. It is valid until done is called.
func (t *GRPC) body(chunks [][]byte) (body [][]byte, sent int, done func()) {
	body, done = chunks, func() {}
	if t.posts != nil {
		e := t.posts.encoder()
		var post []byte
		post, sent = e.Encode(chunks, maxPost)
		body, done = [][]byte{post}, func() { t.posts.release(e) }
	}
	if t.compress != nil {
		out := t.compress.compress(body)
		done()
		body, done = [][]byte{out.Bytes()}, func() { t.compress.release(out) }
	}
	return body, sent, done
}

// renew leaves the connections that were made with other certificates.
func (t *GRPC) renew(secure *tls.Config) {
	t.mu.Lock()
	changed := t.tls != nil && t.tls != secure
	t.tls = secure
	t.mu.Unlock()
	if changed {
		t.client.Renew()
	}
}

// headerFor is the header of one call.
func (t *GRPC) headerFor(ctx context.Context, to Target, more []headerField) []hpack.HeaderField {
	h := make([]hpack.HeaderField, 1, len(t.header)+len(more)+2)
	h[0] = hpack.HeaderField{Name: ":authority", Value: to.Endpoint}
	h = append(h, t.header...)
	for _, f := range more {
		// Nobody on the way may keep it in a table, where others could guess
		// at it (RFC 7541, section 7.1.3).
		h = append(h, hpack.HeaderField{Name: f.name, Value: f.value, Sensitive: true})
	}
	if deadline, ok := ctx.Deadline(); ok {
		timeout := grpc.EncodeTimeout(time.Until(deadline))
		// Each call has another: in HPACK's table they would push out the rest.
		h = append(h, hpack.HeaderField{Name: "grpc-timeout", Value: timeout, Sensitive: true})
	}
	return h
}

// message is the body of a call: the prefix and the chunks.
func message(chunks [][]byte, compressed bool) [][]byte {
	n := 0
	for _, c := range chunks {
		n += len(c)
	}
	prefix := grpc.AppendPrefix(make([]byte, 0, grpc.PrefixLen), compressed, n)
	return append([][]byte{prefix}, chunks...)
}

// answer reads what a server says. Its status stands at the end, or, when
// that is all that there is, in the only headers.
func answer(resp *h2.Response) Answer {
	trailer := resp.Trailer
	if trailer.Get("grpc-status") == "" {
		trailer = resp.Header
	}
	code := trailer.Get("grpc-status")
	if code == "" {
		return Answer{
			Verdict:    verdicts[grpc.FromHTTP(resp.Status)],
			Reason:     ledger.Rejected,
			RetryAfter: retryAfter(resp.Header.Get("retry-after")),
			Err: fmt.Errorf("HTTP status %d without a grpc-status, content-type %q",
				resp.Status, resp.Header.Get("content-type")),
		}
	}
	status := grpc.ParseStatus(code, trailer.Get("grpc-message"), trailer.Get("grpc-status-details-bin"))
	if status.Code == grpc.OK {
		return taken(resp.Body, resp.Header.Get("grpc-encoding"))
	}
	a := Answer{
		Verdict:    verdicts[status.Code],
		Reason:     ledger.Rejected,
		RetryAfter: status.RetryDelay,
		Err:        fmt.Errorf("%v: %s", status.Code, status.Message),
	}
	if tooLarge(status) {
		a.Verdict, a.Reason = Refused, ledger.TooBig
	}
	return a
}

// taken reads the body of a success. The status says that the spans were
// taken; a body that can't be read does not change that, but is told: it may
// say that some were not.
//
// grpc-go answers in the request's encoding, whatever the caller says it
// reads, but only where there is something to be said (server.go,
// processUnaryRPC; rpc_util.go, compress).
func taken(content []byte, encoding string) Answer {
	if len(content) == 0 {
		return Answer{Verdict: Taken}
	}
	msg, compressed, err := grpc.ReadMessage(content)
	if err == nil && compressed {
		msg, err = Compression(encoding).unpack(msg)
	}
	if err != nil {
		return Answer{Verdict: Taken, Err: fmt.Errorf("taken, perhaps not all of it: what the endpoint says of that can't be read: %w", err)}
	}
	return accepted(grpc.ReadTraceResponse(msg))
}

// accepted is a success, perhaps with reserve.
func accepted(p grpc.PartialSuccess) Answer {
	a := Answer{Verdict: Taken, Rejected: p.Rejected}
	switch {
	case p.Rejected > 0:
		a.Err = fmt.Errorf("partial success: %d spans rejected: %s", p.Rejected, p.Message)
	case p.Message != "":
		a.Err = fmt.Errorf("taken, with a warning: %s", p.Message)
	}
	return a
}

// tooLarge says whether a status means that the message is larger than the
// server takes, in the words of grpc-go and gRPC's C core ("received message
// larger than max"), grpc-java ("gRPC message exceeds maximum size"), .NET
// ("Received message exceeds the maximum configured message size") and, with
// OUT_OF_RANGE, of Rust's tonic ("decoded message length too large").
func tooLarge(s grpc.Status) bool {
	if s.Code != grpc.ResourceExhausted && s.Code != grpc.OutOfRange {
		return false
	}
	m := strings.ToLower(s.Message)
	_, m, found := strings.Cut(m, "message")
	return found && (strings.Contains(m, "larger than max") || strings.Contains(m, "exceeds maximum") ||
		strings.Contains(m, "exceeds the maximum") || strings.Contains(m, "too large"))
}

// retryAfter reads a Retry-After header: seconds, or a date (RFC 9110, section
// 10.2.3). It is 0 when there is none that makes sense.
func retryAfter(s string) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
