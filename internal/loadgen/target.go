package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// target is where one process exports to, over a connection of its own.
type target struct {
	protocol Protocol
	url      string
	header   http.Header
	client   *http.Client
}

// newTarget returns one without a connection.
func newTarget(o Options) (*target, error) {
	if _, _, err := net.SplitHostPort(o.To); err != nil {
		return nil, err
	}
	t := &target{protocol: o.Protocol, url: "http://" + o.To + "/v1/traces", header: http.Header{"User-Agent": {"wayside-loadgen"}}}
	mediaType := "application/x-protobuf"
	protocols := new(http.Protocols)
	switch o.Protocol {
	case OTLPGRPC:
		protocols.SetUnencryptedHTTP2(true)
		t.url = "http://" + o.To + grpc.TracePath
		mediaType = grpc.ContentType
		t.header.Set("Te", "trailers")
	case OTLPJSON:
		protocols.SetHTTP1(true)
		mediaType = "application/json"
	default:
		protocols.SetHTTP1(true)
	}
	t.header.Set("Content-Type", mediaType)
	t.client = &http.Client{
		Timeout:   callTimeout,
		Transport: &http.Transport{Protocols: protocols, DisableCompression: true},
		// A redirect is an answer that is no success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t, nil
}

func (t *target) close() { t.client.CloseIdleConnections() }

// answer is what became of a request.
type answer struct {
	taken    bool
	rejected uint64        // spans, of one that was taken
	again    bool          // of one that was not: it may be sent again
	after    time.Duration // when, if the agent said so
	err      error         // why it, or a part of it, was not taken
}

// send makes one attempt.
func (t *target) send(ctx context.Context, body []byte) answer {
	if t.protocol == OTLPGRPC {
		body = append(grpc.AppendPrefix(nil, false, len(body)), body...)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	request.Header = t.header
	resp, err := t.client.Do(request)
	if err != nil {
		return answer{again: true, err: err}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return answer{again: true, err: err}
	}
	if t.protocol == OTLPGRPC {
		return readGRPC(resp, content)
	}
	return t.readHTTP(resp, content)
}

// readGRPC reads the answer to a call. Which codes may be tried again is
// OTLP's to say (opentelemetry-proto, docs/specification.md, "Failures").
func readGRPC(resp *http.Response, content []byte) answer {
	h := resp.Trailer
	if h.Get("Grpc-Status") == "" {
		h = resp.Header
	}
	code := h.Get("Grpc-Status")
	if code == "" {
		return answer{err: fmt.Errorf("HTTP status %s, and no gRPC status: is this an OTLP gRPC port?", resp.Status)}
	}
	s := grpc.ParseStatus(code, h.Get("Grpc-Message"), h.Get("Grpc-Status-Details-Bin"))
	a := answer{err: fmt.Errorf("%v: %s", s.Code, s.Message), after: s.RetryDelay}
	if s.Code == grpc.OK {
		message, _, err := grpc.ReadMessage(content)
		if err != nil {
			return answer{taken: true} // the status says so
		}
		return partly(grpc.ReadTraceResponse(message))
	}
	a.again = s.Code == grpc.ResourceExhausted && s.RetryDelay > 0 ||
		slices.Contains([]grpc.Code{grpc.Cancelled, grpc.DeadlineExceeded, grpc.Aborted, grpc.OutOfRange, grpc.Unavailable, grpc.DataLoss}, s.Code)
	return a
}

func (t *target) readHTTP(resp *http.Response, content []byte) answer {
	isJSON := t.protocol == OTLPJSON
	switch resp.StatusCode {
	case http.StatusOK:
		if !isJSON {
			return partly(grpc.ReadTraceResponse(content))
		}
		var r struct {
			PartialSuccess struct {
				RejectedSpans json.Number
				ErrorMessage  string
			}
		}
		_ = json.Unmarshal(content, &r) // the status says so
		n, _ := strconv.ParseInt(r.PartialSuccess.RejectedSpans.String(), 10, 64)
		return partly(grpc.PartialSuccess{Rejected: n, Message: r.PartialSuccess.ErrorMessage})
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
		return answer{again: true, after: time.Duration(seconds) * time.Second, err: httpError(resp, content, isJSON)}
	}
	return answer{err: httpError(resp, content, isJSON)}
}

// httpError has what the agent says, in a google.rpc.Status.
func httpError(resp *http.Response, content []byte, isJSON bool) error {
	var status struct{ Message string }
	if !isJSON {
		status.Message = grpc.ReadStatus(content).Message
	} else if json.Unmarshal(content, &status) != nil {
		status.Message = ""
	}
	if status.Message == "" {
		return fmt.Errorf("HTTP status %s", resp.Status)
	}
	return fmt.Errorf("HTTP status %s: %s", resp.Status, strings.TrimSpace(status.Message))
}

func partly(p grpc.PartialSuccess) answer {
	a := answer{taken: true, rejected: uint64(max(p.Rejected, 0))}
	if a.rejected > 0 {
		a.err = fmt.Errorf("rejected: %s", p.Message)
	}
	return a
}
