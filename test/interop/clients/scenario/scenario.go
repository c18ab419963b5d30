// Package scenario is a story of two services that real clients are told, always the same, and what should come of it.
package scenario

import (
	"strings"
	"time"
)

// A Service is what one process says: its name, what it says of itself, and its spans.
type Service struct {
	Name  string
	Tags  []Tag
	Spans []Span
}

// A Tag's value is a string, bool, int64, float64, []byte (only Jaeger's client and OpenTelemetry's OTLP exporters for Go can
// be told those) or []string (only OpenTelemetry's); in RichStory also nil, []bool, []int64, []float64, []any, or []Tag for a
// map.
type Tag struct {
	Key   string
	Value any
}

// TraceID is the two halves of a trace id.
type TraceID struct{ High, Low uint64 }

// A Span is one that a client is told to make.
type Span struct {
	Trace    TraceID
	ID       uint64 // of a root: the lower half of the trace id, because Jaeger's client makes it so
	Parent   uint64 // 0: a root
	Name     string
	Kind     string // client, server, producer, consumer, internal or nothing
	Start    time.Time
	Duration time.Duration
	Tags     []Tag
	Events   []Event
	Follows  []Link // other spans that it follows from
	Failed   bool
	// What only OpenTelemetry can say.
	Reason         string // why it failed
	Library, Build string // the name and version of the instrumentation scope
	Fine           bool   // that it did not fail is said
	State          string // of the trace: W3C's tracestate
}

// An Event is something that happened during a span.
type Event struct {
	Time time.Time
	Name string
	Tags []Tag
}

// A Link is to another span, of this trace or another.
type Link struct {
	Trace TraceID
	ID    uint64
	Tags  []Tag  // only OpenTelemetry's client can be told
	State string // of the other trace; OpenTelemetry's alone
}

// Story is told to every client. Its times have nanoseconds, its texts are long, foreign and broken: what is lost on the
// way is to be seen.
func Story() []Service {
	at := func(us int) time.Time {
		return time.Unix(1_700_000_000, 123_456_789).Add(time.Duration(us) * time.Microsecond)
	}
	order := TraceID{High: 0x1122334455667788, Low: 0x99aabbccddeeff01}
	night := TraceID{Low: 0x0102030405060708} // 64 bits, as old clients have them
	elsewhere := TraceID{High: 1, Low: 2}

	shop := Service{
		Name: "shop",
		Tags: []Tag{{"deployment.environment", "test"}, {"replica", int64(3)}, {"ratio", 0.25}, {"canary", true}},
		Spans: []Span{
			{
				Trace: order, ID: order.Low, Name: "POST /order", Kind: "server", Start: at(0), Duration: 81_234_567,
				Tags: []Tag{
					{"http.method", "POST"},
					{"http.status_code", int64(503)},
					{"empty", ""},
					{"foreign", "日本語 ünïcode 😀"},
					{"long", strings.Repeat("0123456789", 30)},
					{"yes", true},
					{"no", false},
					{"zero", int64(0)},
					{"most", int64(1<<63 - 1)},
					{"least", int64(-1 << 63)},
					{"tiny", -2.5e-300},
					{"half", 0.5},
				},
				Events: []Event{
					{Time: at(100), Name: "validated", Tags: []Tag{{"lines", int64(4)}, {"free", false}, {"weight", 1.75}}},
					{Time: at(90), Tags: []Tag{{"message", "an event without a name, earlier than the one before"}}},
				},
				Library: "net/http", Build: "1.2.3",
			},
			{
				Trace: order, ID: 0xb000000000000001, Parent: order.Low, Name: "charge", Kind: "client",
				Start: at(1_000), Duration: 40 * time.Millisecond,
				Tags:   []Tag{{"peer.service", "payments"}, {"binary", []byte{0, 1, 0xfe, 0xff}}, {"list", []string{"a", "b"}}},
				Failed: true, Reason: "card declined",
			},
			{
				Trace: order, ID: 0xb000000000000002, Parent: order.Low, Name: "publish", Kind: "producer",
				Start: at(50_000), Duration: 0,
				Follows: []Link{
					{Trace: order, ID: 0xb000000000000001},
					{Trace: elsewhere, ID: 0x77, Tags: []Tag{{"reason", "retry"}}},
				},
			},
			{
				Trace: night, ID: night.Low, Name: "", Kind: "internal", Start: at(2_000_000), Duration: time.Hour,
				Tags: []Tag{{"broken", "caf\xe9"}, {"note", "a root without a name, in a trace with an id of 64 bits"}},
			},
		},
	}
	payments := Service{
		Name: "payments",
		Spans: []Span{
			{
				Trace: order, ID: 0xc000000000000001, Parent: 0xb000000000000001, Name: "charge", Kind: "server",
				Start: at(2_000), Duration: 30 * time.Millisecond, Failed: true,
				Events: []Event{{Time: at(30_000), Name: "error", Tags: []Tag{{"error.kind", "CardDeclined"}}}},
			},
			{
				Trace: order, ID: 0xc000000000000002, Parent: 0xb000000000000002, Name: "consume", Kind: "consumer",
				Start: at(60_000), Duration: 5 * time.Millisecond,
				Tags: []Tag{{"messaging.system", "nats"}},
			},
			{
				Trace: order, ID: 0xc000000000000003, Parent: 0xc000000000000001, Name: "SELECT account",
				Start: at(2_500), Duration: 1_500,
				Tags: []Tag{{"db.statement", "SELECT *\n\tFROM account WHERE id = ?"}},
			},
		},
	}
	return []Service{shop, payments}
}

// Retold is the service with its spans' tags as f gives them, without those that f says no to.
func (s Service) Retold(f func(Tag) (Tag, bool)) Service {
	spans := make([]Span, len(s.Spans))
	for i, span := range s.Spans {
		var tags []Tag
		for _, tag := range span.Tags {
			if t, ok := f(tag); ok {
				tags = append(tags, t)
			}
		}
		span.Tags = tags
		spans[i] = span
	}
	s.Spans = spans
	return s
}

// UTF8 is the services with U+FFFD in their spans' tags where text is broken: for those who can't be told any other.
func UTF8(services []Service) []Service {
	list := make([]Service, len(services))
	for i, s := range services {
		list[i] = s.Retold(func(tag Tag) (Tag, bool) {
			if text, ok := tag.Value.(string); ok {
				tag.Value = strings.ToValidUTF8(text, "\ufffd")
			}
			return tag, true
		})
	}
	return list
}

// Spans is how many spans the services have.
func Spans(services []Service) (n int) {
	for _, s := range services {
		n += len(s.Spans)
	}
	return n
}
