package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Jaeger is a running Jaeger all-in-one, which keeps spans in memory.
type Jaeger struct {
	*Process
	OTLP          string // gRPC
	GRPC          string // the collector's own, where it is asked for strategies as well
	CollectorHTTP string
	queryHTTP     string
}

// StartJaeger starts Jaeger's all-in-one, its OTLP receiver at one address and its gRPC port for queries at another, and
// waits until both and its query API over HTTP answer.
//
// more are arguments.
func StartJaeger(t testing.TB, otlp, query string, more ...string) *Jaeger {
	t.Helper()
	path := peer(t, "jaeger-all-in-one", "WAYSIDE_PEER_JAEGER_ALL_IN_ONE")
	j := &Jaeger{OTLP: otlp, GRPC: FreePort(t), CollectorHTTP: FreePort(t), queryHTTP: FreePort(t)}
	// Every listener that it has, so that it meets nobody: those that no test uses included.
	args := []string{
		"--collector.otlp.grpc.host-port=" + j.OTLP,
		"--query.http-server.host-port=" + j.queryHTTP,
		"--query.grpc-server.host-port=" + query,
		"--collector.grpc-server.host-port=" + j.GRPC,
		"--collector.http-server.host-port=" + j.CollectorHTTP,
	}
	args = append(args, more...)
	for _, listener := range []string{
		"admin.http.host-port",
		"collector.otlp.http.host-port", "http-server.host-port", "processor.jaeger-binary.server-host-port",
		"processor.jaeger-compact.server-host-port", "processor.zipkin-compact.server-host-port",
	} {
		args = append(args, "--"+listener+"="+FreePort(t))
	}
	j.Process = start(t, "jaeger-all-in-one", path, args...)
	j.awaitStart(t, func() error {
		r, err := http.Get("http://" + j.queryHTTP + "/api/services")
		if err != nil {
			return err
		}
		r.Body.Close()
		return errors.Join(connects(otlp), connects(query), connects(j.GRPC), connects(j.CollectorHTTP))
	})
	return j
}

// These are Jaeger's answers, as its UI gets them (jaeger model/json/model.go), every field that there is. Values keep their digits.
type (
	JaegerTrace struct {
		TraceID   string                   `json:"traceID"`
		Spans     []JaegerSpan             `json:"spans"`
		Processes map[string]JaegerProcess `json:"processes"`
		Warnings  []string                 `json:"warnings"`
	}
	JaegerProcess struct {
		ServiceName string      `json:"serviceName"`
		Tags        []JaegerTag `json:"tags"`
	}
	JaegerSpan struct {
		TraceID       string            `json:"traceID"`
		SpanID        string            `json:"spanID"`
		ParentSpanID  string            `json:"parentSpanID"`
		Flags         uint32            `json:"flags"`
		OperationName string            `json:"operationName"`
		References    []JaegerReference `json:"references"`
		StartTime     uint64            `json:"startTime"` // µs since 1970
		Duration      uint64            `json:"duration"`  // µs
		Tags          []JaegerTag       `json:"tags"`
		Logs          []JaegerLog       `json:"logs"`
		ProcessID     string            `json:"processID"`
		Warnings      []string          `json:"warnings"`
	}
	JaegerReference struct {
		RefType string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	}
	JaegerLog struct {
		Timestamp uint64      `json:"timestamp"` // µs since 1970
		Fields    []JaegerTag `json:"fields"`
	}
	JaegerTag struct {
		Key   string `json:"key"`
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
)

// Trace asks the query API for a trace until it has as many spans as wanted.
func (j *Jaeger) Trace(t testing.TB, id string, spans int) JaegerTrace {
	t.Helper()
	var trace JaegerTrace
	var err error
	for deadline := time.Now().Add(arriveTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if trace, err = j.trace(id); err == nil && len(trace.Spans) == spans {
			return trace
		}
	}
	t.Fatalf("trace %s has %d of %d spans after %s (%v)", id, len(trace.Spans), spans, arriveTimeout, err)
	return trace
}

func (j *Jaeger) trace(id string) (JaegerTrace, error) {
	r, err := http.Get("http://" + j.queryHTTP + "/api/traces/" + id + "?raw=true") // raw: as stored, no clocks adjusted
	if err != nil {
		return JaegerTrace{}, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return JaegerTrace{}, fmt.Errorf("/api/traces/%s says %s", id, r.Status)
	}
	var answer struct {
		Data                 []JaegerTrace `json:"data"`
		Total, Limit, Offset int
		Errors               []any
	}
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	decoder.DisallowUnknownFields() // else what Jaeger says could go unread
	if err := decoder.Decode(&answer); err != nil {
		return JaegerTrace{}, err
	}
	if len(answer.Data) != 1 {
		return JaegerTrace{}, fmt.Errorf("/api/traces/%s gives %d traces", id, len(answer.Data))
	}
	return answer.Data[0], nil
}
