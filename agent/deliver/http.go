package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// httpVerdicts says what each HTTP status means; the first row that it is in
// counts. They are the rows of the design document's table of answers, and:
//
//   - A redirect is not followed: spans would go, with their credentials, where
//     nobody has configured them to go. It is an endpoint that is somewhere
//     else: hold, and say where.
//   - A 5xx that the table does not name says as little of the spans as 500.
var httpVerdicts = [...]struct {
	from, to int
	verdict  Verdict
	reason   ledger.DropReason
}{
	{200, 299, Taken, 0},
	{300, 399, Held, 0},
	{401, 401, Held, 0},
	{403, 404, Held, 0},
	{408, 408, Later, 0},
	{413, 413, Refused, ledger.TooBig},
	{429, 429, Later, 0},
	{502, 504, Later, 0},
	{100, 999, Refused, ledger.Rejected}, // 400, 500, the others
}

const (
	protobufType = "application/x-protobuf"
	// idleHTTP is how long a connection without a request is kept, as h2's.
	idleHTTP = 30 * time.Second
)

// HTTP is OTLP over HTTP/1.1: protobuf in the body of a POST, with or without TLS
// as the endpoint's URL says.
type HTTP struct {
	opt      TransportOptions
	dialer   dialer
	compress *compressor // nil: none

	mu      sync.Mutex
	tls     *tls.Config // that the clients were made with
	clients map[Target]*httpClient
}

// httpClient has the connections to one target, so that two addresses of a name
// do not share any.
type httpClient struct {
	*http.Transport
	used time.Time
}

// NewHTTP returns a transport without connections. Close it after use.
func NewHTTP(opt TransportOptions) *HTTP {
	return &HTTP{
		opt: opt, dialer: dialer{opt.Proxy, opt.UserAgent}, compress: newCompressor(opt.Compression), clients: map[Target]*httpClient{},
	}
}

// Close closes the connections that have no request on them; others are closed
// after it.
func (t *HTTP) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retire(func(*httpClient) bool { return true })
}

// Export implements Transport.
func (t *HTTP) Export(ctx context.Context, to Target, chunks [][]byte) Answer {
	u, err := url.Parse(to.Endpoint)
	if err != nil {
		return Answer{Verdict: Held, Err: errors.New("the endpoint is not a URL")}
	}
	credentials := t.opt.Credentials.current()
	header := http.Header{
		"Content-Type": {protobufType},
		"User-Agent":   {t.opt.UserAgent},
		// Not sent; it lets net/http try again when a connection was closed
		// just as the request began. Delivery is at least once anyway.
		"Idempotency-Key": {},
	}
	for _, h := range credentials.headers {
		header.Set(h.name, h.value)
	}
	if t.compress != nil {
		out := t.compress.compress(chunks)
		defer t.compress.release(out)
		chunks = [][]byte{out.Bytes()}
		header.Set("Content-Encoding", string(t.opt.Compression))
	}
	body := &lent{chunks: chunks}
	defer body.takeBack()
	req := (&http.Request{
		Method: http.MethodPost, URL: u, Header: header,
		Body: body.reader(), ContentLength: body.size(),
		GetBody: func() (io.ReadCloser, error) { return body.reader(), nil },
	}).WithContext(ctx)
	proxy, err := t.opt.Proxy.of(to.Endpoint)
	if err != nil {
		return Answer{Verdict: Held, Err: err}
	}
	resp, err := t.client(to, credentials.tls, proxy).RoundTrip(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.New("no answer in time")
		}
		return Answer{Verdict: Later, Err: err}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		content = nil // the status counts; half a message says nothing
	}
	return httpAnswer(resp, content)
}

// client has the connections for a target. When credentials have changed, the
// old connections end with what is on them.
//
// A proxy is net/http's business where there is no TLS: it is sent the requests
// themselves. With TLS the dialer goes through it.
func (t *HTTP) client(to Target, secure *tls.Config, proxy *url.URL) *httpClient {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tls != secure {
		t.tls = secure
		t.retire(func(*httpClient) bool { return true })
	}
	now := time.Now()
	c := t.clients[to]
	if c == nil {
		t.retire(func(c *httpClient) bool { return now.Sub(c.used) > 2*idleHTTP })
		c = &httpClient{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dialer.plain(ctx, to) },
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				if secure == nil {
					return nil, errNoTLS
				}
				return t.dialer.secure(ctx, to, secure, "")
			},
			DisableCompression:     true, // of answers, which are short
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        idleHTTP,
			MaxResponseHeaderBytes: maxAnswer,
			Protocols:              new(http.Protocols),
		}}
		c.Protocols.SetHTTP1(true)
		if proxy != nil && strings.HasPrefix(to.Endpoint, "http:") {
			c.Proxy = http.ProxyURL(proxy)
			c.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
			c.DialTLSContext, c.TLSHandshakeTimeout = nil, handshakeTimeout
		}
		t.clients[to] = c
	}
	c.used = now
	return c
}

// retire forgets clients. Their connections are closed when they have no
// request. mu is held.
func (t *HTTP) retire(which func(*httpClient) bool) {
	for to, c := range t.clients {
		if which(c) {
			c.CloseIdleConnections() // those that become idle later, too
			delete(t.clients, to)
		}
	}
}

// httpAnswer reads what a server says.
func httpAnswer(resp *http.Response, content []byte) Answer {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // "" if there is none
	a := Answer{Verdict: Refused, Reason: ledger.Rejected}
	for _, row := range httpVerdicts {
		if resp.StatusCode >= row.from && resp.StatusCode <= row.to {
			a.Verdict, a.Reason = row.verdict, row.reason
			break
		}
	}
	switch {
	case a.Verdict == Taken && media == "text/html":
		a.Verdict = Held
		a.Err = fmt.Errorf("HTTP status %d with a web page: is this the address of an OTLP receiver?", resp.StatusCode)
		return a
	case a.Verdict == Taken && media == protobufType:
		return accepted(grpc.ReadTraceResponse(content))
	case a.Verdict == Taken:
		return a
	case resp.StatusCode < 400:
		a.Err = fmt.Errorf("HTTP status %d, to %s: redirects are not followed; deliver.endpoint must be where it leads",
			resp.StatusCode, location(resp))
		return a
	}
	said := ""
	switch {
	case media == protobufType:
		status := grpc.ReadStatus(content)
		said, a.RetryAfter = status.Message, status.RetryDelay
	case media == "text/plain" || media == "application/json":
		said = firstLine(string(content))
	}
	if d := retryAfter(resp.Header.Get("Retry-After")); d > 0 {
		a.RetryAfter = d
	}
	a.Err = fmt.Errorf("HTTP status %d", resp.StatusCode)
	if said != "" {
		a.Err = fmt.Errorf("%w: %s", a.Err, said)
	}
	return a
}

// location is where a redirect leads, without what may be secret.
func location(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// maxSaid bounds what is repeated of an answer, in bytes.
const maxSaid = 200

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.ToValidUTF8(s[:min(len(s), maxSaid)], "")
}
