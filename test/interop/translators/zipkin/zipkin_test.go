// Package zipkin compares the agent's translation of Zipkin with that of the OpenTelemetry project, span by span and field by
// field, over spans of every shape.
package zipkin

import (
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/zipkin"
)

// take is a method of the transcoder.
type take func(*zipkin.Transcoder, []byte, func([]byte, int) error) (zipkin.Result, error)

// ours is the agent's translation of a request.
func ours(t *testing.T, take take, request []byte) []fields.Span {
	t.Helper()
	var tr zipkin.Transcoder
	var list []fields.Span
	put := func(frame []byte, spans int) error {
		checked, err := otlp.Check(frame)
		if err != nil {
			t.Fatalf("the frame does not pass the agent's own check: %v\n%q", err, request)
		}
		decoded := decode(t, frame)
		if checked != len(decoded) || spans != len(decoded) {
			t.Fatalf("the agent counts %d spans, its check %d, a decoder %d", spans, checked, len(decoded))
		}
		list = append(list, decoded...)
		return nil
	}
	res, err := take(&tr, slices.Clone(request), put)
	if err != nil {
		t.Fatalf("the agent refuses the request: %v\n%q", err, request)
	}
	if res.Spans != len(list) || res.TooBig != 0 {
		t.Fatalf("the agent counts %d spans (%d too big), a decoder %d", res.Spans, res.TooBig, len(list))
	}
	return list
}

func marshal(t *testing.T, td ptrace.Traces) []fields.Span {
	t.Helper()
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	if proto.Unmarshal(bytes, new(tracepb.TracesData)) != nil {
		return nil // what upstream writes is not protobuf: nothing equals it
	}
	return decode(t, bytes)
}

func decode(t *testing.T, request []byte) []fields.Span {
	t.Helper()
	var td tracepb.TracesData
	if err := proto.Unmarshal(request, &td); err != nil {
		t.Fatalf("protobuf's own decoder refuses the request: %v", err)
	}
	return fields.Of(td.ResourceSpans)
}

// a suite is the comparison of one version of Zipkin's model, M being a request in it.
type suite[M any] struct {
	rules    []string                                                          // their names
	generate func(seed uint64) M                                               // any request
	example  func(rule string) (m M, form int)                                 // one that needs the rule, and the form to send it in
	forms    []form[M]                                                         // how it can be sent
	theirs   func(*testing.T, M, int, string) (w []fields.Span, used []string) // of a request in a form, with all rules but one
}

type form[M any] struct {
	name  string
	write func(M) []byte
	take  take
}

func (s suite[M]) compare(t *testing.T, requests int) {
	t.Run("generated", func(t *testing.T) {
		used := make(map[string]int)
		for seed := range uint64(requests) {
			m := s.generate(seed)
			for i, f := range s.forms {
				want, rules := s.theirs(t, m, i, "")
				lines := fields.Diff(want, ours(t, f.take, f.write(m)))
				if len(lines) > 0 {
					t.Errorf("seed %d (%s), %d differences: %q", seed, f.name, len(lines), f.write(m))
					for _, line := range lines[:min(len(lines), 10)] {
						t.Log(line)
					}
					return
				}
				for _, name := range rules {
					used[name]++
				}
			}
		}
		for _, name := range s.rules {
			if used[name] == 0 {
				t.Errorf("rule %q was never needed: delete it", name)
			}
			t.Logf("%6d requests needed %q", used[name], name)
		}
	})
	// Each rule has a case that shows it is needed: without it the comparison fails, with it there is no difference.
	for _, name := range s.rules {
		t.Run(name, func(t *testing.T) {
			m, i := s.example(name)
			got := ours(t, s.forms[i].take, s.forms[i].write(m))
			if want, _ := s.theirs(t, m, i, name); len(fields.Diff(want, got)) == 0 {
				t.Error("there is no difference without it")
			}
			want, used := s.theirs(t, m, i, "")
			if lines := fields.Diff(want, got); len(lines) > 0 {
				t.Errorf("with it: %q", lines)
			}
			if !slices.Equal(used, []string{name}) {
				t.Errorf("rules used: %q", used)
			}
		})
	}
}
