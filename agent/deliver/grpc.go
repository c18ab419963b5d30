package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

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

// maxResponse bounds the body of an answer, in bytes: an
// ExportTraceServiceResponse is a number and a line of text. It bounds the
// headers, too.
const maxResponse = 64 << 10

// Times of a connection.
const (
	// dialTimeout is how long connecting may take: three SYNs, sent after 0, 1
	// and 3 s (RFC 6298, section 2).
	dialTimeout = 5 * time.Second
	// A connection on which nothing arrives for pingAfter is asked whether it
	// lives, and closed when it does not answer within pingTimeout.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
	// idleTimeout closes a connection before a third ping is sent on it without
	// a call: grpc-go servers take that for an attack (keepalive.EnforcementPolicy:
	// ENHANCE_YOUR_CALM, "too_many_pings").
	idleTimeout = 25 * time.Second
)

// GRPCOptions are how exports by gRPC are made.
type GRPCOptions struct {
	Gzip      bool
	UserAgent string
}

// GRPC is OTLP over gRPC: unary calls on HTTP/2, without TLS.
type GRPC struct {
	http   *http.Transport
	header http.Header // of every call; not changed
	gzip   *compressor // nil: none
}

// NewGRPC returns a transport without connections. Close it after use.
func NewGRPC(opt GRPCOptions) *GRPC {
	t := &GRPC{
		http: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			DisableCompression:     true, // gRPC has its own
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxResponse,
			Protocols:              new(http.Protocols),
			HTTP2: &http.HTTP2Config{
				SendPingTimeout:           pingAfter,
				PingTimeout:               pingTimeout,
				MaxReceiveBufferPerStream: maxResponse,
			},
		},
		header: http.Header{
			"Content-Type": {grpc.ContentType},
			"Te":           {"trailers"},
			"User-Agent":   {opt.UserAgent},
		},
	}
	t.http.Protocols.SetUnencryptedHTTP2(true)
	if opt.Gzip {
		t.gzip = &compressor{}
		t.header["Grpc-Encoding"] = []string{"gzip"}
	}
	return t
}

// Close closes connections that are not in use.
func (t *GRPC) Close() { t.http.CloseIdleConnections() }

// Export implements Transport.
func (t *GRPC) Export(ctx context.Context, endpoint string, chunks [][]byte) Answer {
	body := newBody(chunks, t.gzip)
	defer body.revoke()
	header := t.header.Clone()
	if deadline, ok := ctx.Deadline(); ok {
		header["Grpc-Timeout"] = []string{grpc.EncodeTimeout(time.Until(deadline))}
	}
	req := (&http.Request{
		Method:        http.MethodPost,
		URL:           &url.URL{Scheme: "http", Host: endpoint, Path: grpc.TracePath},
		Header:        header,
		ContentLength: body.size,
		Body:          body.reader(),
		GetBody:       func() (io.ReadCloser, error) { return body.reader(), nil },
	}).WithContext(ctx)
	resp, err := t.http.RoundTrip(req)
	if err != nil {
		return lost(ctx, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err == nil && len(content) > maxResponse {
		err = fmt.Errorf("answer is longer than %d bytes", maxResponse)
	}
	// The status may have come before the connection was lost.
	trailer := resp.Trailer
	if trailer.Get("Grpc-Status") == "" {
		trailer = resp.Header // "trailers-only"
	}
	if err != nil && trailer.Get("Grpc-Status") == "" {
		return lost(ctx, err)
	}
	return answer(resp, trailer, content)
}

// lost is the answer when there is none.
func lost(ctx context.Context, err error) Answer {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	return Answer{Verdict: Later, Err: err}
}

// answer reads what a server says. trailer is where its status stands.
func answer(resp *http.Response, trailer http.Header, content []byte) Answer {
	code := trailer.Get("Grpc-Status")
	if code == "" {
		return Answer{
			Verdict:    verdicts[grpc.FromHTTP(resp.StatusCode)],
			Reason:     ledger.Rejected,
			RetryAfter: retryAfter(resp.Header.Get("Retry-After")),
			Err:        fmt.Errorf("HTTP status %d without a grpc-status, content-type %q", resp.StatusCode, resp.Header.Get("Content-Type")),
		}
	}
	status := grpc.ParseStatus(code, trailer.Get("Grpc-Message"), trailer.Get("Grpc-Status-Details-Bin"))
	if status.Code == grpc.OK {
		return taken(content)
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
// taken; a body that can't be read does not change that.
func taken(content []byte) Answer {
	msg, _, err := grpc.ReadMessage(content)
	if err != nil {
		return Answer{Verdict: Taken}
	}
	p := grpc.ReadTraceResponse(msg)
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
