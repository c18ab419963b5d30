package shop

import (
	"reflect"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

var now = time.UnixMicro(1_767_366_245_000_000)

func TestTraces(t *testing.T) {
	s := New(1, int(Services))
	seen := map[string]int{}
	for range 2000 {
		spans := s.Trace(now)
		byID := map[uint64]*Span{}
		roots := 0
		for i := range spans {
			sp := &spans[i]
			if sp.SpanID == 0 || byID[sp.SpanID] != nil || sp.TraceIDLow != spans[0].TraceIDLow {
				t.Fatalf("ids of %+v", sp)
			}
			byID[sp.SpanID] = sp
			if sp.ParentSpanID == 0 {
				roots++
			}
		}
		if roots != 1 || len(spans) > 60 {
			t.Fatalf("%d roots, %d spans", roots, len(spans))
		}
		if last := spans[len(spans)-1]; last.StartTime+last.Duration != now.UnixMicro() {
			t.Fatalf("ends at %d", last.StartTime+last.Duration)
		}
		failed := false
		for i := range spans {
			sp := &spans[i]
			parent := byID[sp.ParentSpanID]
			async := len(sp.References) > 0
			if sp.ParentSpanID != 0 && parent == nil {
				t.Fatalf("%s has a parent that is not in the trace", sp.OperationName)
			}
			if parent != nil && (sp.StartTime < parent.StartTime || !async && sp.StartTime+sp.Duration > parent.StartTime+parent.Duration) {
				t.Fatalf("%s is not within %s", sp.OperationName, parent.OperationName)
			}
			if async && (sp.References[0].RefType != jaegerthrift.FollowsFrom || sp.StartTime < parent.StartTime+parent.Duration) {
				t.Fatalf("%s does not follow from %s", sp.OperationName, parent.OperationName)
			}
			for _, l := range sp.Logs {
				if l.Timestamp < sp.StartTime || l.Timestamp > sp.StartTime+sp.Duration {
					t.Fatalf("%s has a log outside of its time", sp.OperationName)
				}
			}
			for _, tag := range sp.Tags {
				failed = failed || tag.Key == "error"
				if tag.Key == "attempt" && tag.Long == 2 {
					seen["retry"]++
				}
			}
			if async {
				seen["async"]++
			}
			seen[sp.Service.String()]++
		}
		if failed {
			seen["failed"]++
		}
		if n := spans[len(spans)-1]; n.Duration > 2e6 {
			seen["slow"]++
		}
	}
	for what, least := range map[string]int{
		"frontend": 1000, "catalog": 1000, "cart": 500, "checkout": 200, "payment": 200, "inventory": 500,
		"mailer": 100, "shipping": 100, "retry": 5, "async": 100, "failed": 20,
	} {
		if seen[what] < least {
			t.Errorf("%s: %d, want %d or more", what, seen[what], least)
		}
	}
	if seen["failed"] > 200 || seen["slow"] > 5 {
		t.Errorf("not plausible: %v", seen)
	}
}

func TestSameSeedSameStory(t *testing.T) {
	a, b, c := New(7, 8), New(7, 8), New(8, 8)
	different := false
	for range 50 {
		first, second := a.Trace(now), b.Trace(now)
		if !reflect.DeepEqual(first, second) {
			t.Fatal("the same seed tells two stories")
		}
		different = different || !reflect.DeepEqual(first, c.Trace(now))
	}
	if !different {
		t.Error("another seed tells the same story")
	}
}

func TestFewServices(t *testing.T) {
	for n := 1; n <= int(Services); n++ {
		s := New(3, n)
		seen := map[Service]bool{}
		for range 300 {
			spans := s.Trace(now)
			if len(spans) == 0 {
				t.Fatal("a trace without spans")
			}
			for i := range spans {
				seen[spans[i].Service] = true
			}
		}
		if len(seen) != n {
			t.Errorf("%d services: spans of %v", n, seen)
		}
	}
}

func BenchmarkTrace(b *testing.B) {
	s := New(1, int(Services))
	spans := 0
	for b.Loop() {
		spans += len(s.Trace(now))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
}
