package accept

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/accept/h2"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/otlpjson"
)

// retryDelay is when a sender that comes together with too many others may come
// again.
const retryDelay = time.Second

// fullDelay is when one that finds the buffer full may. OpenTelemetry's exporters
// for Node try five times again by HTTP, and for 10 s at most
// (otlp-exporter-base, src/retrying-transport.ts): told 1 s, they would give up
// after 5, told 2 s after 8. Others wait longer than either by themselves.
const fullDelay = 2 * time.Second

// refusal is what a request that is not taken is answered.
type refusal struct {
	grpc.Status
	http    int
	reason  ledger.RefuseReason
	counted bool // the lane has
}

// refuse finds the answer to a request that failed.
func refuse(err error) refusal {
	r := refusal{Status: grpc.Status{Message: err.Error()}}
	set := func(code grpc.Code, http int, reason ledger.RefuseReason) {
		r.Code, r.http, r.reason = code, http, reason
	}
	lane, counted := errors.AsType[ledger.Refused](err)
	r.counted = counted
	switch {
	case lane.Unsure: // not RESOURCE_EXHAUSTED, by which nothing was taken
		set(grpc.Unavailable, http.StatusServiceUnavailable, lane.Reason)
		r.Message, r.RetryDelay = "the agent's disk failed: it may have these spans, and may lose them if it ends", fullDelay
	case lane.Disk:
		set(grpc.ResourceExhausted, http.StatusTooManyRequests, lane.Reason)
		r.Message, r.RetryDelay = "the agent's disk can't be written, and buffer.disk.sync is always", fullDelay
	case counted && lane.Reason == ledger.QueueFull:
		set(grpc.ResourceExhausted, http.StatusTooManyRequests, lane.Reason)
		r.Message, r.RetryDelay = "the agent's buffer is full: its collector is slow or away", fullDelay
	case counted:
		set(grpc.ResourceExhausted, http.StatusRequestEntityTooLarge, lane.Reason)
		r.Message = "the request is larger than half of the agent's buffer"
	case errors.Is(err, errOverloaded):
		set(grpc.ResourceExhausted, http.StatusTooManyRequests, ledger.Overloaded)
		r.RetryDelay = retryDelay
	case errors.Is(err, errTooLarge), errors.Is(err, otlp.ErrTooBig):
		set(grpc.ResourceExhausted, http.StatusRequestEntityTooLarge, ledger.RequestTooBig)
	case errors.Is(err, errEncoding), errors.Is(err, errType):
		set(grpc.Unimplemented, http.StatusUnsupportedMediaType, ledger.Unimplemented)
	case errors.Is(err, errSlow):
		// Not 408: OTLP's exporters send again what is answered with 429, 502,
		// 503 or 504 alone (OTLP specification, "Retryable Response Codes").
		set(grpc.DeadlineExceeded, http.StatusServiceUnavailable, ledger.Malformed)
	default:
		set(grpc.InvalidArgument, http.StatusBadRequest, ledger.Malformed)
	}
	return r
}

// success is the empty ExportTraceServiceResponse.
const success = "\x00\x00\x00\x00\x00"

// What is in every answer. It is never changed.
var (
	grpcHeader  = h2.Header{{Name: "content-type", Value: grpc.ContentType}}
	grpcSuccess = h2.Reply{
		Status: http.StatusOK, Header: grpcHeader, Body: []byte(success),
		Trailer: h2.Header{{Name: "grpc-status", Value: "0"}},
	}
)

// replyGRPC is the answer to a call: a message and then the status in trailers,
// or, where there is no message, the status as the only headers.
func replyGRPC(s grpc.Status) h2.Reply {
	if s.Code == grpc.OK {
		return grpcSuccess
	}
	h := append(grpcHeader[:1:1],
		hpack.HeaderField{Name: "grpc-status", Value: strconv.Itoa(int(s.Code))},
		hpack.HeaderField{Name: "grpc-message", Value: grpc.EncodeMessage(s.Message)})
	if s.Code == grpc.Unimplemented {
		h = append(h, hpack.HeaderField{Name: "grpc-accept-encoding", Value: "identity,gzip"})
	}
	if d := s.Details(); d != "" {
		h = append(h, hpack.HeaderField{Name: "grpc-status-details-bin", Value: d})
	}
	return h2.Reply{Status: http.StatusOK, Header: h}
}

// replyHTTP is the answer to a request that is refused, as OTLP over HTTP has it:
// a google.rpc.Status in the type of the request, and for other types a line of
// text. "" is a type that is not known.
func replyHTTP(mediaType string, r refusal) h2.Reply {
	var b []byte
	switch mediaType {
	case typeProtobuf:
		b = r.AppendProto(nil)
	case typeJSON:
		b = otlpjson.AppendStatus(nil, r.Status)
	default:
		mediaType = "text/plain; charset=utf-8"
		b = []byte(r.Message + "\n")
	}
	a := reply(r.http, mediaType, b)
	if r.RetryDelay > 0 {
		a.Header = append(a.Header, hpack.HeaderField{Name: "retry-after", Value: strconv.Itoa(int((r.RetryDelay + time.Second - 1) / time.Second))})
	}
	return a
}

// reply is an answer over HTTP. A body may have no type if it is empty.
func reply(status int, mediaType string, body []byte) h2.Reply {
	h := make(h2.Header, 0, 6) // what is in every answer, and what may come to it
	if mediaType != "" {
		h = append(h, hpack.HeaderField{Name: "content-type", Value: mediaType})
	}
	h = append(h, hpack.HeaderField{Name: "x-content-type-options", Value: "nosniff"},
		hpack.HeaderField{Name: "content-length", Value: strconv.Itoa(len(body))},
		hpack.HeaderField{Name: "date", Value: time.Now().UTC().Format(http.TimeFormat)})
	return h2.Reply{Status: status, Body: body, Header: h}
}

// understood is a list of types as a sentence.
func understood(types []string) string {
	if len(types) == 1 {
		return types[0] + " is"
	}
	last := len(types) - 1
	return strings.Join(types[:last], ", ") + " and " + types[last] + " are"
}
