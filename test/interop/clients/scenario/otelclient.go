package scenario

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/jaeger"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TellOTel has the OpenTelemetry SDK and its Jaeger exporter say the story to an agent at a UDP address, a datagram for
// each service.
func TellOTel(address string, services []Service) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	for _, service := range services {
		exporter, err := jaeger.New(jaeger.WithAgentEndpoint(
			jaeger.WithAgentHost(host), jaeger.WithAgentPort(port), jaeger.WithDisableAttemptReconnecting()))
		if err != nil {
			return fmt.Errorf("opentelemetry's jaeger exporter: %w", err)
		}
		service = service.Retold(func(tag Tag) (Tag, bool) {
			_, bytes := tag.Value.([]byte) // which the exporter does not know
			return tag, !bytes
		})
		if err := TellSDK(exporter, service); err != nil {
			return fmt.Errorf("opentelemetry's jaeger exporter: %w", err)
		}
	}
	return nil
}

// TellSDK has the OpenTelemetry SDK say a service's part of the story to an exporter, which it shuts down.
func TellSDK(exporter sdk.SpanExporter, service Service) error {
	ids := &fixedIDs{}
	provider := sdk.NewTracerProvider(
		sdk.WithIDGenerator(ids),
		sdk.WithBatcher(exporter),
		sdk.WithResource(resource.NewSchemaless(append(attributes(service.Tags),
			attribute.String("service.name", service.Name))...)),
	)
	for _, span := range service.Spans {
		ids.trace, ids.span = otelTrace(span.Trace), otelSpan(span.ID)
		tellOTel(provider, span)
	}
	if err := provider.Shutdown(context.Background()); err != nil {
		return fmt.Errorf("service %s: %w", service.Name, err)
	}
	return nil
}

func tellOTel(provider trace.TracerProvider, span Span) {
	ctx := context.Background()
	if span.Parent != 0 {
		ctx = trace.ContextWithSpanContext(ctx, otelContext(span.Trace, span.Parent))
	}
	kinds := map[string]trace.SpanKind{
		"client": trace.SpanKindClient, "server": trace.SpanKindServer, "producer": trace.SpanKindProducer,
		"consumer": trace.SpanKindConsumer, "internal": trace.SpanKindInternal,
	}
	var links []trace.Link
	for _, link := range span.Follows {
		links = append(links, trace.Link{SpanContext: otelContext(link.Trace, link.ID), Attributes: attributes(link.Tags)})
	}
	tracer := provider.Tracer(span.Library, trace.WithInstrumentationVersion(span.Build))
	_, s := tracer.Start(ctx, span.Name, trace.WithTimestamp(span.Start), trace.WithSpanKind(kinds[span.Kind]),
		trace.WithAttributes(attributes(span.Tags)...), trace.WithLinks(links...))
	for _, event := range span.Events {
		s.AddEvent(event.Name, trace.WithTimestamp(event.Time), trace.WithAttributes(attributes(event.Tags)...))
	}
	if span.Failed {
		s.SetStatus(codes.Error, span.Reason)
	}
	s.End(trace.WithTimestamp(span.Start.Add(span.Duration)))
}

func attributes(tags []Tag) []attribute.KeyValue {
	var list []attribute.KeyValue
	for _, tag := range tags {
		switch v := tag.Value.(type) {
		case string:
			list = append(list, attribute.String(tag.Key, v))
		case bool:
			list = append(list, attribute.Bool(tag.Key, v))
		case int64:
			list = append(list, attribute.Int64(tag.Key, v))
		case float64:
			list = append(list, attribute.Float64(tag.Key, v))
		case []string:
			list = append(list, attribute.StringSlice(tag.Key, v))
		case []byte:
			list = append(list, attribute.ByteSlice(tag.Key, v))
		default:
			panic(fmt.Sprintf("the story has a %T", v))
		}
	}
	return list
}

// fixedIDs gives the ids that were set last.
type fixedIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

func (f *fixedIDs) NewIDs(context.Context) (trace.TraceID, trace.SpanID)  { return f.trace, f.span }
func (f *fixedIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return f.span }

func otelTrace(id TraceID) (t trace.TraceID) {
	binary.BigEndian.PutUint64(t[:8], id.High)
	binary.BigEndian.PutUint64(t[8:], id.Low)
	return t
}

func otelSpan(id uint64) (s trace.SpanID) {
	binary.BigEndian.PutUint64(s[:], id)
	return s
}

func otelContext(id TraceID, span uint64) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: otelTrace(id), SpanID: otelSpan(span), TraceFlags: trace.FlagsSampled, Remote: true,
	})
}
