package deliver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
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

// dialTimeout is how long connecting may take: three SYNs, sent after 0, 1 and
// 3 s (RFC 6298, section 2).
const dialTimeout = 5 * time.Second

// GRPCOptions are how exports by gRPC are made.
type GRPCOptions struct {
	Gzip      bool
	UserAgent string
}

// GRPC is OTLP over gRPC: unary calls on HTTP/2, without TLS.
type GRPC struct {
	client *h2.Client
	header []hpack.HeaderField // of every call; not changed
	gzip   *compressor         // nil: none
}

// NewGRPC returns a transport without connections. Close it after use.
func NewGRPC(opt GRPCOptions) *GRPC {
	dialer := net.Dialer{Timeout: dialTimeout}
	t := &GRPC{
		client: h2.NewClient(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}),
		header: []hpack.HeaderField{
			{Name: ":method", Value: "POST"},
			{Name: ":scheme", Value: "http"},
			{Name: ":path", Value: grpc.TracePath},
			{Name: "content-type", Value: grpc.ContentType},
			{Name: "te", Value: "trailers"},
			{Name: "user-agent", Value: opt.UserAgent},
		},
	}
	if opt.Gzip {
		t.gzip = &compressor{}
		t.header = append(t.header, hpack.HeaderField{Name: "grpc-encoding", Value: "gzip"})
	}
	return t
}

// Close closes the connections.
func (t *GRPC) Close() { t.client.Close() }

// Export implements Transport.
func (t *GRPC) Export(ctx context.Context, endpoint string, chunks [][]byte) Answer {
	if t.gzip != nil {
		out := t.gzip.compress(chunks)
		defer t.gzip.release(out)
		chunks = [][]byte{out.Bytes()}
	}
	resp, err := t.client.Do(ctx, endpoint, h2.Request{
		Header: t.headerFor(ctx, endpoint),
		Body:   message(chunks, t.gzip != nil),
	})
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.New("no answer in time")
		}
		return Answer{Verdict: Later, Err: err}
	}
	return answer(resp)
}

// headerFor is the header of one call.
func (t *GRPC) headerFor(ctx context.Context, endpoint string) []hpack.HeaderField {
	h := make([]hpack.HeaderField, 1, len(t.header)+2)
	h[0] = hpack.HeaderField{Name: ":authority", Value: endpoint}
	h = append(h, t.header...)
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
		return taken(resp.Body)
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
	msg, compressed, err := grpc.ReadMessage(content)
	if err == nil && compressed {
		msg, err = gunzip(msg) // grpc-go answers gzip with gzip, without being asked to
	}
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
