package harness

import (
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Client sends OTLP by gRPC as it is, without an SDK's part in it, and tries nothing twice.
type Client struct {
	service collectorpb.TraceServiceClient
}

// NewClient is a client for an address.
func NewClient(t testing.TB, address string) *Client {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Client{collectorpb.NewTraceServiceClient(conn)}
}

// Send sends one request, of which every span must be taken.
func (c *Client) Send(t testing.TB, spans ...*tracepb.ResourceSpans) {
	t.Helper()
	if err := c.export(t, spans); err != nil {
		t.Fatal(err)
	}
}

// Offer sends one request, which may be refused for now. Then the result is no, and when to come again.
func (c *Client) Offer(t testing.TB, spans ...*tracepb.ResourceSpans) (taken bool, delay time.Duration) {
	t.Helper()
	err := c.export(t, spans)
	if err == nil {
		return true, 0
	}
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok && s.Code() == codes.ResourceExhausted {
			return false, info.GetRetryDelay().AsDuration()
		}
	}
	t.Fatalf("not RESOURCE_EXHAUSTED with RetryInfo: %v", err)
	return false, 0
}

func (c *Client) export(t testing.TB, spans []*tracepb.ResourceSpans) error {
	t.Helper()
	r, err := c.service.Export(t.Context(), &collectorpb.ExportTraceServiceRequest{ResourceSpans: spans})
	if err == nil && r.GetPartialSuccess().GetRejectedSpans() != 0 {
		t.Fatalf("a partial success: %v", r.GetPartialSuccess())
	}
	return err
}
