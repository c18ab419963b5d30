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
		ctx = trace.ContextWithSpanContext(ctx, otelContext(span.Trace, span.Parent, span.State))
	}
	kinds := map[string]trace.SpanKind{
		"client": trace.SpanKindClient, "server": trace.SpanKindServer, "producer": trace.SpanKindProducer,
		"consumer": trace.SpanKindConsumer, "internal": trace.SpanKindInternal,
	}
	var links []trace.Link
	for _, link := range span.Follows {
		links = append(links, trace.Link{SpanContext: otelContext(link.Trace, link.ID, link.State), Attributes: attributes(link.Tags)})
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
	if span.Fine {
		s.SetStatus(codes.Ok, "")
	}
	s.End(trace.WithTimestamp(span.Start.Add(span.Duration)))
}

func attributes(tags []Tag) []attribute.KeyValue {
	var list []attribute.KeyValue
	for _, tag := range tags {
		list = append(list, attribute.KeyValue{Key: attribute.Key(tag.Key), Value: attributeValue(tag.Value)})
	}
	return list
}

func attributeValue(value any) attribute.Value {
	switch v := value.(type) {
	case string:
		return attribute.StringValue(v)
	case bool:
		return attribute.BoolValue(v)
	case int64:
		return attribute.Int64Value(v)
	case float64:
		return attribute.Float64Value(v)
	case []byte:
		return attribute.ByteSliceValue(v)
	case []string:
		return attribute.StringSliceValue(v)
	case []bool:
		return attribute.BoolSliceValue(v)
	case []int64:
		return attribute.Int64SliceValue(v)
	case []float64:
		return attribute.Float64SliceValue(v)
	case []any:
		var list []attribute.Value
		for _, item := range v {
			list = append(list, attributeValue(item))
		}
		return attribute.SliceValue(list...)
	case []Tag:
		return attribute.MapValue(attributes(v)...)
	case nil:
		return attribute.Value{}
	default:
		panic(fmt.Sprintf("the story has a %T", v))
	}
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

func otelContext(id TraceID, span uint64, state string) trace.SpanContext {
	parsed, err := trace.ParseTraceState(state)
	if err != nil {
		panic(fmt.Sprintf("the story's trace state: %v", err))
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: otelTrace(id), SpanID: otelSpan(span), TraceFlags: trace.FlagsSampled, TraceState: parsed, Remote: true,
	})
}
