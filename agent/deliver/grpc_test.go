package deliver

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

// The rows of the design document's table of answers, by the numbers of the
// codes, with the status at the end of an answer and in trailers-only form.
func TestEveryCode(t *testing.T) {
	for code, want := range map[int]Verdict{
		1:  Later,   // CANCELLED
		2:  Refused, // UNKNOWN
		3:  Refused, // INVALID_ARGUMENT
		4:  Later,   // DEADLINE_EXCEEDED
		5:  Refused, // NOT_FOUND
		6:  Refused, // ALREADY_EXISTS
		7:  Held,    // PERMISSION_DENIED
		8:  Later,   // RESOURCE_EXHAUSTED
		9:  Refused, // FAILED_PRECONDITION
		10: Later,   // ABORTED
		11: Later,   // OUT_OF_RANGE
		12: Held,    // UNIMPLEMENTED
		13: Refused, // INTERNAL
		14: Later,   // UNAVAILABLE
		15: Later,   // DATA_LOSS
		16: Held,    // UNAUTHENTICATED
		17: Refused, // none
	} {
		status := grpc.Status{Code: grpc.Code(code), Message: "größer"}
		for form, handle := range map[string]http.HandlerFunc{
			"trailers-only": func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				fail(w, status)
			},
			"trailers": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", grpc.ContentType)
				w.(http.Flusher).Flush()
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(code))
				w.Header().Set(http.TrailerPrefix+"Grpc-Message", grpc.EncodeMessage(status.Message))
			},
		} {
			a := export(t, TransportOptions{}, startServer(t, handle))
			if a.Verdict != want || a.Reason != ledger.Rejected && want == Refused {
				t.Errorf("code %d, %s: %+v, want verdict %d", code, form, a, want)
			}
			if wantErr := grpc.ParseCode(strconv.Itoa(code)).String() + ": größer"; a.Err == nil || a.Err.Error() != wantErr {
				t.Errorf("code %d, %s: error %v, want %s", code, form, a.Err, wantErr)
			}
		}
	}
}

func TestTooLarge(t *testing.T) {
	for message, want := range map[string]Verdict{
		"grpc: received message larger than max (5242880 vs. 4194304)":                  Refused, // grpc-go
		"grpc: message after decompression larger than max (5242880 vs. 4194304)":       Refused,
		"grpc: received message after decompression larger than max 4194304":            Refused,
		"SERVER: Received message larger than max (5242880 vs. 4194304)":                Refused, // C core
		"gRPC message exceeds maximum size 4194304: 5242880":                            Refused, // grpc-java
		"Received message exceeds the maximum configured message size.":                 Refused, // .NET
		"Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes": Refused, // tonic
		"data refused due to high memory usage":                                         Later,   // the Collector's memory_limiter
		"sending queue is full":                                                         Later,
		"too many messages":                                                             Later,
		"":                                                                              Later,
	} {
		for _, code := range []grpc.Code{grpc.ResourceExhausted, grpc.OutOfRange, grpc.Unavailable} {
			a := export(t, TransportOptions{}, startServer(t, func(w http.ResponseWriter, _ *http.Request) {
				fail(w, grpc.Status{Code: code, Message: message})
			}))
			want := want
			if code == grpc.Unavailable {
				want = Later
			}
			if a.Verdict != want || want == Refused && a.Reason != ledger.TooBig {
				t.Errorf("%v %q: %+v", code, message, a)
			}
		}
	}
}

func TestRetryInfoIsRead(t *testing.T) {
	for _, code := range []grpc.Code{grpc.ResourceExhausted, grpc.Unavailable} {
		a := export(t, TransportOptions{}, startServer(t, func(w http.ResponseWriter, _ *http.Request) {
			fail(w, grpc.Status{Code: code, Message: "slow down", RetryDelay: 1500 * time.Millisecond})
		}))
		if a.Verdict != Later || a.RetryAfter != 1500*time.Millisecond {
			t.Errorf("%+v", a)
		}
	}
}

func TestNoGRPCStatus(t *testing.T) {
	for status, want := range map[int]Verdict{
		200: Refused, 400: Refused, 401: Held, 403: Held, 404: Held, 408: Later, 413: Refused,
		429: Later, 500: Refused, 502: Later, 503: Later, 504: Later,
	} {
		a := export(t, TransportOptions{}, startServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<h1>proxy</h1>")
		}))
		if a.Verdict != want || a.Err == nil || want == Later && a.RetryAfter != 7*time.Second {
			t.Errorf("HTTP %d: %+v, want verdict %d", status, a, want)
		}
	}
}

func TestAnswerPartialSuccess(t *testing.T) {
	a := export(t, TransportOptions{}, startServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		reply(w, grpc.PartialSuccess{Rejected: 3, Message: "too old"})
	}))
	if a.Verdict != Taken || a.Rejected != 3 || a.Err == nil || a.Err.Error() != "partial success: 3 spans rejected: too old" {
		t.Errorf("%+v", a)
	}
	for name, body := range map[string]string{"no message": "", "not a message": "hello, world"} {
		a := export(t, TransportOptions{}, startServer(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, body)
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		}))
		if a.Verdict != Taken || a.Rejected != 0 {
			t.Errorf("success with %s: %+v", name, a)
		}
	}
}

func TestRetryAfterHeader(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "1.5": 0, "soon": 0, "99999999999": 0,
		"Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		if got := retryAfter(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
	in := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryAfter(in); got < 59*time.Minute || got > time.Hour {
		t.Errorf("%q: %v", in, got)
	}
}

// grpc-go answers a compressed request with a compressed answer, and what it
// says of rejected spans must not be missed for that.
func TestCompressedAnswerOfPartialSuccess(t *testing.T) {
	a := export(t, TransportOptions{Compression: Gzip}, startServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 3, Message: "too old"}))
		_ = z.Close()
		w.Header().Set("Content-Type", grpc.ContentType)
		w.Header().Set("Grpc-Encoding", "gzip")
		_, _ = w.Write(append(grpc.AppendPrefix(nil, true, packed.Len()), packed.Bytes()...))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	if a.Verdict != Taken || a.Rejected != 3 || a.Err == nil {
		t.Errorf("%+v", a)
	}
}
