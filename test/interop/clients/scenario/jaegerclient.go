package scenario

import (
	"fmt"
	"net"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"
	jaeger "github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/transport"
)

// TellJaeger has jaeger-client-go say the story to an agent at a UDP address, a datagram for each service.
func TellJaeger(address string, services []Service) error {
	return tellAll(services, func() (jaeger.Transport, error) { return jaeger.NewUDPTransport(address, 0) })
}

// TellJaegerHTTP has it say the story to a collector over HTTP, a request for each service.
func TellJaegerHTTP(address string, services []Service) error {
	return tellAll(services, func() (jaeger.Transport, error) {
		return transport.NewHTTPTransport("http://" + address + "/api/traces?format=jaeger.thrift"), nil
	})
}

func tellAll(services []Service, dial func() (jaeger.Transport, error)) error {
	for i, service := range services {
		transport, err := dial()
		if err == nil {
			err = tellJaeger(transport, service, uint64(i+1))
		}
		if err != nil {
			return fmt.Errorf("jaeger-client-go, service %s: %w", service.Name, err)
		}
	}
	return nil
}

func tellJaeger(transport jaeger.Transport, service Service, uuid uint64) error {
	// The client asks for the numbers that its ids are made of. The first is for its client-uuid.
	next := uuid
	var high uint64
	options := []jaeger.TracerOption{
		jaeger.TracerOptions.RandomNumber(func() uint64 { return next }),
		jaeger.TracerOptions.Gen128Bit(true),
		jaeger.TracerOptions.HighTraceIDGenerator(func() uint64 { return high }),
		jaeger.TracerOptions.Tag("ip", net.IPv4(192, 0, 2, byte(uuid)).String()), // RFC 5737: an address for examples
	}
	for _, tag := range service.Tags {
		options = append(options, jaeger.TracerOptions.Tag(tag.Key, tag.Value))
	}
	tracer, closer := jaeger.NewTracer(service.Name, jaeger.NewConstSampler(true),
		// Nothing is flushed before the end.
		jaeger.NewRemoteReporter(transport, jaeger.ReporterOptions.BufferFlushInterval(time.Hour)), options...)
	for _, span := range service.Spans {
		next, high = span.ID, span.Trace.High
		jaegerSpan(tracer, span)
	}
	return closer.Close()
}

func jaegerSpan(tracer opentracing.Tracer, span Span) {
	start := []opentracing.StartSpanOption{opentracing.StartTime(span.Start)}
	if span.Parent != 0 {
		start = append(start, opentracing.ChildOf(jaegerContext(span.Trace, span.Parent)))
	}
	for _, link := range span.Follows {
		start = append(start, opentracing.FollowsFrom(jaegerContext(link.Trace, link.ID)))
	}
	s := tracer.StartSpan(span.Name, start...)
	if span.Kind != "" {
		s.SetTag("span.kind", span.Kind)
	}
	if span.Failed {
		s.SetTag("error", true)
	}
	for _, tag := range span.Tags {
		if _, ok := tag.Value.([]string); !ok {
			s.SetTag(tag.Key, tag.Value)
		}
	}
	finish := opentracing.FinishOptions{FinishTime: span.Start.Add(span.Duration)}
	for _, event := range span.Events {
		record := opentracing.LogRecord{Timestamp: event.Time}
		if event.Name != "" {
			record.Fields = append(record.Fields, log.String("event", event.Name))
		}
		for _, tag := range event.Tags {
			record.Fields = append(record.Fields, jaegerField(tag))
		}
		finish.LogRecords = append(finish.LogRecords, record)
	}
	s.FinishWithOptions(finish)
}

func jaegerContext(trace TraceID, span uint64) jaeger.SpanContext {
	return jaeger.NewSpanContext(jaeger.TraceID{High: trace.High, Low: trace.Low}, jaeger.SpanID(span), 0, true, nil)
}

func jaegerField(tag Tag) log.Field {
	switch v := tag.Value.(type) {
	case string:
		return log.String(tag.Key, v)
	case bool:
		return log.Bool(tag.Key, v)
	case int64:
		return log.Int64(tag.Key, v)
	case float64:
		return log.Float64(tag.Key, v)
	default:
		panic(fmt.Sprintf("the story's event has a %T", v))
	}
}
