package sdk

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// The exporters wait for the longer of what they are told and their own pause, which is seconds by default. A short one
// shows that they obey.
const (
	ownPause = 10 * time.Millisecond
	patience = 30 * time.Second
	giveUp   = time.Second
)

func (t Target) patience() time.Duration {
	if t.GiveUp {
		return giveUp
	}
	return patience
}

func tellGoGRPC(to Target, services []scenario.Service) (Retries, error) {
	config, err := to.TLS.config()
	if err != nil {
		return nil, err
	}
	var seen attempts
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(to.Address),
		otlptracegrpc.WithTimeout(to.patience()),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: ownPause, MaxInterval: ownPause, MaxElapsedTime: to.patience(),
		}),
		otlptracegrpc.WithDialOption(grpc.WithUnaryInterceptor(seen.call)),
	}
	if to.Gzip {
		options = append(options, otlptracegrpc.WithCompressor("gzip"))
	}
	if config == nil {
		options = append(options, otlptracegrpc.WithInsecure())
	} else {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(config)))
	}
	return tellGo(services, &seen, func() (trace.SpanExporter, error) {
		return otlptracegrpc.New(context.Background(), options...)
	})
}

func tellGoHTTP(encoding otlptracehttp.Encoding) func(Target, []scenario.Service) (Retries, error) {
	return func(to Target, services []scenario.Service) (Retries, error) {
		config, err := to.TLS.config()
		if err != nil {
			return nil, err
		}
		seen := attempts{next: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
		defer seen.next.CloseIdleConnections()
		options := []otlptracehttp.Option{
			otlptracehttp.WithEndpoint(to.Address),
			otlptracehttp.WithEncoding(encoding),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
				Enabled: true, InitialInterval: ownPause, MaxInterval: ownPause, MaxElapsedTime: to.patience(),
			}),
			otlptracehttp.WithHTTPClient(&http.Client{Transport: &seen, Timeout: to.patience()}),
		}
		if to.Gzip {
			options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}
		if config == nil {
			options = append(options, otlptracehttp.WithInsecure())
		}
		return tellGo(services, &seen, func() (trace.SpanExporter, error) {
			return otlptracehttp.New(context.Background(), options...)
		})
	}
}

// tellGo has the SDK say each service's part to an exporter of its own, as each would in a process of its own. Broken text is
// mended before: the exporters can't encode a request with any, and give the whole of it up.
func tellGo(services []scenario.Service, seen *attempts, newExporter func() (trace.SpanExporter, error)) (Retries, error) {
	for _, service := range scenario.UTF8(services) {
		exporter, err := newExporter()
		if err != nil {
			return nil, err
		}
		checked := &checkedExporter{SpanExporter: exporter}
		if err := scenario.TellSDK(checked, service); err != nil {
			return nil, err
		}
		if checked.err != nil {
			return nil, checked.err
		}
	}
	return seen.retries, nil
}

// checkedExporter keeps the first error, which the SDK tells nobody but a global handler.
type checkedExporter struct {
	trace.SpanExporter
	err error // read after Shutdown
}

func (e *checkedExporter) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && e.err == nil {
		e.err = err
	}
	return err
}
