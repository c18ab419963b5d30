package accept

import (
	"errors"
	"net/http"
	"strconv"
	"time"

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
		set(grpc.DeadlineExceeded, http.StatusRequestTimeout, ledger.Malformed)
	default:
		set(grpc.InvalidArgument, http.StatusBadRequest, ledger.Malformed)
	}
	return r
}

// success is the empty ExportTraceServiceResponse.
const success = "\x00\x00\x00\x00\x00"

// replyGRPC answers a call: with a message and then the status in trailers, or,
// where there is no message, with the status as the only headers.
func replyGRPC(w http.ResponseWriter, s grpc.Status) {
	h := w.Header()
	h["Content-Type"] = grpcType
	h["Date"] = nil // nobody asks; and it is made anew for each answer
	if s.Code == grpc.OK {
		if _, err := w.Write([]byte(success)); err == nil {
			h[http.TrailerPrefix+"Grpc-Status"] = statusOK
		}
		return
	}
	if s.Code == grpc.Unimplemented {
		h.Set("Grpc-Accept-Encoding", "identity,gzip")
	}
	h.Set("Grpc-Status", strconv.Itoa(int(s.Code)))
	h.Set("Grpc-Message", grpc.EncodeMessage(s.Message))
	if d := s.Details(); d != "" {
		h.Set("Grpc-Status-Details-Bin", d)
	}
}

// Header values that are in every answer. They are never changed.
var (
	grpcType = []string{grpc.ContentType}
	statusOK = []string{"0"}
)

// replyHTTP answers a request as OTLP over HTTP has it: an empty response, or
// a google.rpc.Status, in the type of the request. "" is one that is not known.
func replyHTTP(w http.ResponseWriter, mediaType string, r refusal) {
	if r.RetryDelay > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.RetryDelay+time.Second-1)/time.Second)))
	}
	var b []byte
	switch mediaType {
	case typeProtobuf:
		if r.http != http.StatusOK {
			b = r.AppendProto(nil)
		}
	case typeJSON:
		b = otlpjson.AppendTraceResponse(nil, grpc.PartialSuccess{})
		if r.http != http.StatusOK {
			b = otlpjson.AppendStatus(nil, r.Status)
		}
	default:
		mediaType = "text/plain; charset=utf-8"
		b = []byte(r.Message + "\n")
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(r.http)
	_, _ = w.Write(b) // the client went away
}
