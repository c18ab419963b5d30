package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/opentracing/opentracing-go"
	jaegerconfig "github.com/uber/jaeger-client-go/config"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// said is what a client knows of its spans.
type said struct {
	Begun uint64 `json:"begun"` // spans
	// Sent are those that were acknowledged, by OTLP. By UDP nothing is: those that
	// the client has handed to the kernel, as far as it knows.
	Sent   uint64 `json:"sent"`
	Failed uint64 `json:"failed"` // spans that the client has given up
	Error  string `json:"error,omitempty"`
}

// tell makes SPANS spans (1), one every EVERY (0), for at most FOR, by CLIENT:
// otel (what its own variables say) or jaeger. LINGER keeps the process until it
// is told to end, and is what a Deployment's does.
func tell(ctx context.Context) error {
	var client interface {
		span(n int)
		close(context.Context) said
	}
	var err error
	switch kind := os.Getenv("CLIENT"); kind {
	case "", "otel":
		client, err = newSDK(ctx)
	case "jaeger":
		client, err = newJaeger()
	default:
		err = fmt.Errorf("CLIENT=%q: otel or jaeger", kind)
	}
	if err != nil {
		return err
	}
	every, spans := duration("EVERY", 0), number("SPANS", 1)
	end := time.Now().Add(duration("FOR", time.Hour))
	for n := 0; n < spans && ctx.Err() == nil && time.Now().Before(end); n++ {
		client.span(n)
		if every > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	}
	patience, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	told := client.close(patience)
	if err := report(told); err != nil {
		return err
	}
	if os.Getenv("LINGER") != "" {
		<-ctx.Done()
	}
	if told.Failed > 0 || told.Error != "" {
		return fmt.Errorf("%d spans failed: %s", told.Failed, told.Error)
	}
	return nil
}

// sdk is OpenTelemetry's.
type sdk struct {
	provider *sdktrace.TracerProvider
	counted  *counted
	begun    uint64
}

// counted is an exporter that counts.
type counted struct {
	sdktrace.SpanExporter
	sent, failed atomic.Uint64
	last         atomic.Pointer[error]
}

func (c *counted) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		c.failed.Add(uint64(len(spans)))
		c.last.Store(&err)
	} else {
		c.sent.Add(uint64(len(spans)))
	}
	return err
}

func newSDK(ctx context.Context) (*sdk, error) {
	var client otlptrace.Client
	switch protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"); protocol {
	case "grpc":
		client = otlptracegrpc.NewClient(otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: 100 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: time.Minute,
		}))
	case "", "http/protobuf": // the SDK's own default
		client = otlptracehttp.NewClient(otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: 100 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: time.Minute,
		}))
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=%q", protocol)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, err
	}
	attributes, err := resource.New(ctx, resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	s := &sdk{counted: &counted{SpanExporter: exporter}}
	s.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(attributes),
		sdktrace.WithBatcher(s.counted, sdktrace.WithBlocking(), sdktrace.WithExportTimeout(time.Minute), sdktrace.WithBatchTimeout(200*time.Millisecond)))
	return s, nil
}

func (s *sdk) span(n int) {
	_, span := s.provider.Tracer("apps").Start(context.Background(), fmt.Sprintf("step %d", n%10))
	span.End()
	s.begun++
}

func (s *sdk) close(ctx context.Context) said {
	err := s.provider.Shutdown(ctx)
	t := said{Begun: s.begun, Sent: s.counted.sent.Load(), Failed: s.counted.failed.Load()}
	if last := s.counted.last.Load(); last != nil {
		err = errors.Join(err, *last)
	}
	if err != nil {
		t.Error = err.Error()
	}
	return t
}

// jaeger is jaeger-client-go.
type jaeger struct {
	tracer opentracing.Tracer
	closer interface{ Close() error }
	begun  uint64
}

func newJaeger() (*jaeger, error) {
	config, err := jaegerconfig.FromEnv()
	if err != nil {
		return nil, err
	}
	config.Sampler = &jaegerconfig.SamplerConfig{Type: "const", Param: 1}
	if config.Reporter.QueueSize == 0 {
		config.Reporter.QueueSize = 10_000
	}
	config.Reporter.BufferFlushInterval = 100 * time.Millisecond
	j := &jaeger{}
	j.tracer, j.closer, err = config.NewTracer()
	return j, err
}

func (j *jaeger) span(n int) {
	j.tracer.StartSpan(fmt.Sprintf("step %d", n%10)).Finish()
	j.begun++
}

func (j *jaeger) close(context.Context) said {
	t := said{Begun: j.begun, Sent: j.begun}
	if err := j.closer.Close(); err != nil {
		t.Error = err.Error()
	}
	return t
}
