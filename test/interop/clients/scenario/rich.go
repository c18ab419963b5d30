package scenario

import "time"

// RichStory is the story with a third service, which says what only OpenTelemetry's SDK for Go can: every kind of value, that
// a span did not fail, and the states of traces.
func RichStory() []Service {
	start := time.Unix(1_700_000_003, 987_654_321)
	rich := TraceID{High: 0xa1a2a3a4a5a6a7a8, Low: 0xb1b2b3b4b5b6b7b8}
	values := []Tag{
		{"nothing", nil},
		{"bools", []bool{true, false}},
		{"ints", []int64{-1, 0, 1<<63 - 1}},
		{"floats", []float64{0.5, -2.5e-300}},
		{"texts", []string{"", "ünïcode", "\"quoted\""}},
		{"no texts", []string{}},
		{"mixed", []any{"a", int64(1), true, 1.5, []int64{2}}},
		{"map", []Tag{{"inner", []Tag{{"deep", int64(1)}}}, {"text", "b"}}},
		{"bytes", []byte{0, 0xff}},
		{"whole", 3.0},
		{"huge", 1.7976931348623157e308},
	}
	return append(Story(), Service{
		Name: "rich",
		Tags: append([]Tag{{"service.instance.id", "r-1"}}, values...),
		Spans: []Span{
			{
				Trace: rich, ID: rich.Low, Name: "all values", Kind: "internal", Start: start, Duration: 2 * time.Millisecond,
				Tags: values, Fine: true, Library: "rich/scope",
				Events: []Event{{Time: start.Add(time.Millisecond), Name: "all values", Tags: values}},
			},
			{
				Trace: rich, ID: 0xd000000000000001, Parent: rich.Low, Name: "states", Kind: "producer",
				Start: start.Add(time.Microsecond), Duration: time.Microsecond, State: "vendor=1,other=two",
				Events: []Event{{Time: start, Name: "named", Tags: []Tag{{"event", "and an attribute that is called event"}}}},
				Follows: []Link{
					{Trace: TraceID{High: 3, Low: 4}, ID: 5, State: "elsewhere=3", Tags: values},
					{Trace: rich, ID: rich.Low},
				},
				Failed: true,
			},
		},
	})
}
