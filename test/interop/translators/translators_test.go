// Package translators compares the agent's translations, of Jaeger Thrift and protobuf and of OTLP in JSON, with those of the OpenTelemetry
// project, over batches of every shape and over what real clients sent.
package translators

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
)

func traceID(high, low int64) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], uint64(high))
	binary.BigEndian.PutUint64(id[8:], uint64(low))
	return id
}

func spanID(v int64) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(v))
	return id
}

// ours is the agent's translation of a datagram.
func ours(t *testing.T, datagram []byte) []fields.Span {
	t.Helper()
	var transcoder jaegerthrift.Transcoder
	result, err := transcoder.Packet(slices.Clone(datagram))
	if err != nil {
		t.Fatalf("the agent refuses the datagram: %v", err)
	}
	var list []fields.Span
	for _, frame := range result.Frames {
		checked, err := otlp.Check(frame.Bytes)
		if err != nil {
			t.Fatalf("the frame does not pass the agent's own check: %v", err)
		}
		decoded := decode(t, frame.Bytes)
		if checked != len(decoded) || frame.Spans != len(decoded) {
			t.Fatalf("the agent counts %d spans, its check %d, a decoder %d", frame.Spans, checked, len(decoded))
		}
		list = append(list, decoded...)
	}
	if result.Spans != len(list) || result.TooBig != 0 {
		t.Fatalf("the agent counts %d spans (%d too big), a decoder %d", result.Spans, result.TooBig, len(list))
	}
	return list
}

// theirs is upstream's translation of the batch that Apache's Thrift reads in the datagram, with all the rules but one. It
// also says which rules had something to change.
func theirs(t *testing.T, datagram []byte, without string) (list []fields.Span, used []string) {
	t.Helper()
	b, err := readDatagram(datagram)
	if err != nil {
		t.Fatalf("Apache's Thrift refuses the datagram: %v", err)
	}
	for _, r := range rules {
		if r.before != nil && r.name != without && r.before(b) {
			used = append(used, r.name)
		}
	}
	td, err := upstream.ThriftToTraces(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.apply != nil && r.name != without && r.apply(b, td) {
			used = append(used, r.name)
		}
	}
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	if !decodable(bytes) {
		return nil, used // what upstream writes is not protobuf: nothing equals it
	}
	return decode(t, bytes), used
}

func decodable(request []byte) bool { return proto.Unmarshal(request, &tracepb.TracesData{}) == nil }

func decode(t *testing.T, request []byte) []fields.Span {
	t.Helper()
	var td tracepb.TracesData
	if err := proto.Unmarshal(request, &td); err != nil {
		t.Fatalf("protobuf's own decoder refuses the request: %v", err)
	}
	return fields.Of(td.ResourceSpans)
}

// compare returns the differences, and the rules that were needed.
func compare(t *testing.T, datagram []byte) (lines, used []string) {
	t.Helper()
	want, used := theirs(t, datagram, "")
	return fields.Diff(want, ours(t, datagram)), used
}

func TestGeneratedBatches(t *testing.T) {
	const batches = 20_000
	used := make(map[string]int)
	for seed := range uint64(batches) {
		f := randomForm(seed)
		datagram := f.datagram(newGenerator(seed).batch())
		lines, rules := compare(t, datagram)
		if len(lines) > 0 {
			t.Errorf("seed %d (%s), %d differences", seed, f, len(lines))
			for _, line := range lines[:min(len(lines), 10)] {
				t.Log(line)
			}
		}
		if t.Failed() {
			break
		}
		for _, name := range rules {
			used[name]++
		}
	}
	for _, r := range rules {
		if used[r.name] == 0 && !t.Failed() {
			t.Errorf("rule %q was never needed: delete it", r.name)
		}
		t.Logf("%6d batches needed %q", used[r.name], r.name)
	}
}

// Each rule has a case that shows it is needed: without it the comparison fails, with it there is no difference.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			datagram := form{}.datagram(r.example())
			got := ours(t, datagram)
			if want, _ := theirs(t, datagram, r.name); len(fields.Diff(want, got)) == 0 {
				t.Error("there is no difference without it")
			}
			want, used := theirs(t, datagram, "")
			if lines := fields.Diff(want, got); len(lines) > 0 {
				t.Errorf("with it: %q", lines)
			}
			if !slices.Equal(used, []string{r.name}) {
				t.Errorf("rules used: %q", used)
			}
		})
	}
}

// The same batch means the same in every form.
func TestEveryForm(t *testing.T) {
	for seed := range uint64(200) {
		b := newGenerator(seed).batch()
		want := ours(t, form{}.datagram(b))
		for n := range uint64(8) {
			f := randomForm(seed<<8 | n)
			if lines := fields.Diff(want, ours(t, f.datagram(b))); len(lines) > 0 {
				t.Fatalf("seed %d as %s: %q", seed, f, lines)
			}
		}
	}
}

// What the real clients sent (test/interop/clients/record) is translated as upstream does. The one rule that it needs is
// for the text that the two clients in Go are told to send though it is not UTF-8; Node's replaces it itself.
func TestRecordedClients(t *testing.T) {
	files, err := filepath.Glob("../testdata/recorded/*.bin")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []string
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			datagram, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines, used := compare(t, datagram)
			for _, line := range lines {
				t.Error(line)
			}
			all = append(all, used...)
		})
	}
	if want := []string{"invalid UTF-8 is replaced", "invalid UTF-8 is replaced"}; !slices.Equal(all, want) {
		t.Errorf("rules needed: %q, not %q", all, want)
	}
}
