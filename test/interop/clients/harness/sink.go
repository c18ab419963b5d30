package harness

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // what the agent and the Collector send
	"google.golang.org/grpc/stats"
)

// Sink is an OTLP gRPC endpoint that keeps what it gets.
type Sink struct {
	collectorpb.UnimplementedTraceServiceServer
	Address string

	mu           sync.Mutex
	spans        []*tracepb.ResourceSpans
	compressions map[string]int // requests by grpc-encoding; "" is none
	answer       func(request int) error
	times        []time.Time // of the requests
}

// StartSink starts a sink. answer, if it is not nil, gives each request, counted from 1, an error or takes it.
func StartSink(t testing.TB, answer func(request int) error, options ...grpc.ServerOption) *Sink {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Sink{Address: l.Addr().String(), compressions: make(map[string]int), answer: answer}
	server := grpc.NewServer(append(options, grpc.StatsHandler(s))...)
	collectorpb.RegisterTraceServiceServer(server, s)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return s
}

// Export is the one method of OTLP's service.
func (s *Sink) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Now())
	if s.answer != nil {
		if err := s.answer(len(s.times)); err != nil {
			return nil, err
		}
	}
	s.spans = append(s.spans, r.ResourceSpans...)
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// Spans is what the sink has taken.
func (s *Sink) Spans() []*tracepb.ResourceSpans {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}

// Count is how many spans the sink has taken.
func (s *Sink) Count() (n int) {
	for _, rs := range s.Spans() {
		for _, ss := range rs.GetScopeSpans() {
			n += len(ss.GetSpans())
		}
	}
	return n
}

// Times are when requests came, answered well or not.
func (s *Sink) Times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.times)
}

// Compressed is how many requests came with a compression; "" is none.
func (s *Sink) Compressed(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compressions[name]
}

// Await waits until the sink has as many spans as were sent, and a moment longer for some that it should not get.
func (s *Sink) Await(t testing.TB, sent int) []*tracepb.ResourceSpans {
	t.Helper()
	for deadline := time.Now().Add(arriveTimeout); s.Count() < sent; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the sink has %d of %d spans after %s", s.Count(), sent, arriveTimeout)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if n := s.Count(); n != sent {
		t.Fatalf("the sink has %d spans, of %d sent", n, sent)
	}
	return s.Spans()
}

// TagRPC is of stats.Handler.
func (s *Sink) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC sees the compression of a request.
func (s *Sink) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		s.mu.Lock()
		s.compressions[header.Compression]++
		s.mu.Unlock()
	}
}

// TagConn is of stats.Handler.
func (s *Sink) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn is of stats.Handler.
func (s *Sink) HandleConn(context.Context, stats.ConnStats) {}
