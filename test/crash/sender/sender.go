package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/wayside-tracing/wayside/test/crash/account"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

const (
	// callTimeout is what OpenTelemetry SDKs wait for an answer
	// (OTEL_EXPORTER_OTLP_TIMEOUT, 10 s).
	callTimeout = 10 * time.Second
	// pause and maxPause are between tries. An SDK's are longer (5 s for some);
	// these bound how long a test takes.
	pause    = 5 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// Sender sends OTLP over gRPC, one request at a time, and tries each again
// until it is acknowledged. One goroutine uses it.
type Sender struct {
	Sent account.Sent
	// Timeout is for one try.
	Timeout time.Duration

	address   func() string
	transport *http.Transport
	next      uint64
	request   otlp.Builder
	body      []byte
}

// New returns a sender with a number of its own. address is asked before every
// try: an agent that was started again may have another.
func New(number uint64, address func() string) *Sender {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	dialer := net.Dialer{Timeout: callTimeout}
	return &Sender{
		Timeout:   callTimeout,
		address:   address,
		transport: &http.Transport{Protocols: &protocols, DialContext: dialer.DialContext},
		next:      account.First(number),
		Sent:      account.Sent{Refused: map[string]int{}},
	}
}

// Beside returns another sender, on the same connection.
func (s *Sender) Beside(number uint64) *Sender {
	b := New(number, s.address)
	b.transport = s.transport
	return b
}

// Close closes its connection.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send sends so many spans in one request, again and again until it is told
// yes. The error is of ctx, which ended before that: a try that has begun is
// not cut off, so that only an agent makes a sender unsure.
func (s *Sender) Send(ctx context.Context, spans int) error {
	r := account.Range{From: s.next, To: s.next + uint64(spans)}
	s.next = r.To
	s.request.Reset()
	AppendRequest(&s.request, r)
	s.body = append(grpc.AppendPrefix(s.body[:0], false, s.request.Len()), s.request.Bytes()...)
	unsure := false
	for wait := pause; ; wait = min(2*wait, maxPause) {
		code, err := s.call(ctx)
		dial, isDial := errors.AsType[*net.OpError](err)
		switch {
		case isDial && dial.Op == "dial":
			s.Sent.Refused["not connected"]++
		case err != nil:
			unsure = true
			s.Sent.Again += r.Len()
			s.Sent.Refused["no answer"]++
		case code == grpc.OK:
			s.Sent.Acknowledged = append(s.Sent.Acknowledged, r)
			return nil
		default:
			s.Sent.No += r.Len()
			s.Sent.Refused[code.String()]++
		}
		select {
		case <-ctx.Done():
			if unsure {
				s.Sent.Unsure = append(s.Sent.Unsure, r)
			} else {
				s.Sent.GivenUp = append(s.Sent.GivenUp, r)
			}
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Flow sends requests of so many spans at a rate of so many a second until ctx
// is done; what is late because the agent was not there is made up for.
func (s *Sender) Flow(ctx context.Context, spans, rate int) {
	begin := time.Now()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(float64(n) * float64(spans) / float64(rate) * float64(time.Second)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if s.Send(ctx, spans) != nil {
			return
		}
	}
}

// call makes one try. An error means that there is no answer.
func (s *Sender) call(ctx context.Context) (grpc.Code, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address()+grpc.TracePath, bytes.NewReader(s.body))
	if err != nil {
		return grpc.Unknown, err
	}
	q.GetBody = nil // each try is to be known of
	q.Header.Set("Content-Type", grpc.ContentType)
	q.Header.Set("Te", "trailers")
	res, err := s.transport.RoundTrip(q)
	if err != nil {
		return grpc.Unknown, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return grpc.Unknown, err
	}
	status := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status")
	if status == "" {
		return grpc.Unknown, fmt.Errorf("no status: %s", res.Status)
	}
	return grpc.ParseCode(status), nil
}
