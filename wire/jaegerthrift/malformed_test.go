package jaegerthrift

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/thrift"
)

// rejected wants an error that says where, and a transcoder that goes on well.
func rejected(t *testing.T, packet []byte, want string) {
	t.Helper()
	var tr Transcoder
	res, err := tr.Packet(packet)
	var at *thrift.Error
	if !errors.Is(err, ErrMalformed) || !errors.As(err, &at) || at.Offset > len(packet) || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: %v", want, err)
	}
	if res.Frames != nil || res.Spans != 0 || res.HasSeqNo || res.HasStats || res.ClientUUID != nil {
		t.Errorf("%q: something is kept: %+v", want, res)
	}
	if res, err := tr.Packet(AppendEmitBatch(nil, thrift.Compact, thrift.Call, 0, plain())); err != nil || res.Spans != 1 {
		t.Errorf("%q: afterwards: %+v, %v", want, res, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The packets that killed the Jaeger Agent and the OpenTelemetry Collector's
// receiver: arguments without a batch, and Zipkin's method.
func TestKillerPackets(t *testing.T) {
	rejected(t, unhex(t, "82210109656d6974426174636800"), "without a batch")
	rejected(t, unhex(t, "80010001 00000009 656d69744261746368 00000001 00"), "without a batch")
	rejected(t, unhex(t, "00000009 656d69744261746368 01 00000001 00"), "without a batch")

	for _, e := range encodings {
		w := thrift.NewWriter(nil, e)
		w.Message("emitZipkinBatch", thrift.Oneway, 1)
		w.Field(anywhere, 1<<8|typeList)
		w.List(thrift.Struct, 1)
		w.Stop()
		w.Stop()
		var tr Transcoder
		if res, err := tr.Packet(w.Bytes()); !errors.Is(err, ErrZipkin) || res.Frames != nil {
			t.Errorf("%v: %+v, %v", e, res, err)
		}
	}
}

func TestMessageTypes(t *testing.T) {
	for _, e := range encodings {
		for kind := range thrift.MessageType(8) {
			for _, seqID := range []int32{0, 1, -1, 1 << 30} {
				p := AppendEmitBatch(nil, e, kind, seqID, plain())
				if kind == thrift.Call || kind == thrift.Oneway {
					if _, res := transcode(t, p); res.Spans != 1 {
						t.Errorf("%v, type %d, sequence id %d: %+v", e, kind, seqID, res)
					}
				} else {
					rejected(t, p, "no call")
				}
			}
		}
	}
}

// anywhere is a field that none can follow closely: the next one's header has its
// whole id, and so it may come in any order, and twice.
const anywhere = 100 << 8

// byHand writes a packet whose arguments f writes.
func byHand(e thrift.Encoding, method string, f func(*thrift.Writer)) []byte {
	w := thrift.NewWriter(nil, e)
	w.Message(method, thrift.Oneway, 0)
	f(w)
	return w.Bytes()
}

// inBatch is for fields of a batch that has a process already.
func inBatch(f func(*thrift.Writer)) func(*thrift.Writer) {
	return func(w *thrift.Writer) {
		w.Field(anywhere, argsBatch)
		w.Field(anywhere, batchProcess)
		w.Field(anywhere, processServiceName)
		w.String("svc")
		w.Stop()
		f(w)
		w.Stop()
		w.Stop()
	}
}

// inSpan is for fields of a span that has all it needs.
func inSpan(f func(*thrift.Writer)) func(*thrift.Writer) {
	return inBatch(func(w *thrift.Writer) {
		w.Field(anywhere, batchSpans)
		w.List(thrift.Struct, 1)
		spanWithout(w, 0)
		f(w)
		w.Stop()
	})
}

// list writes a list field of one struct, of which f writes the fields.
func list(field thrift.Field, f func(*thrift.Writer)) func(*thrift.Writer) {
	return func(w *thrift.Writer) {
		w.Field(anywhere, field)
		w.List(thrift.Struct, 1)
		f(w)
		w.Stop()
	}
}

func number(field thrift.Field) func(*thrift.Writer) {
	return func(w *thrift.Writer) {
		w.Field(anywhere, field)
		if field.Type() == thrift.I32 {
			w.I32(1)
		} else {
			w.I64(1)
		}
	}
}

func nothing(*thrift.Writer) {}

func twice(f func(*thrift.Writer)) func(*thrift.Writer) {
	return func(w *thrift.Writer) { f(w); f(w) }
}

func emptyList(field thrift.Field, elem thrift.Type, n int) func(*thrift.Writer) {
	return func(w *thrift.Writer) {
		w.Field(anywhere, field)
		w.List(elem, n)
		for range n {
			w.I64(1)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		arguments  func(*thrift.Writer)
	}{
		{"no arguments", "ends early", nothing},
		{"a number for a batch", "without a batch", func(w *thrift.Writer) { w.Field(anywhere, 1<<8|typeI32); w.I32(5); w.Stop() }},
		{"two batches", "comes twice", func(w *thrift.Writer) {
			for range 2 {
				w.Field(anywhere, argsBatch)
				w.Field(anywhere, batchProcess)
				w.Field(anywhere, processServiceName)
				w.String("svc")
				w.Stop()
				emptyList(batchSpans, thrift.Struct, 0)(w)
				w.Stop()
			}
			w.Stop()
		}},
		{"no spans", "without process or spans", inBatch(nothing)},
		{"no process", "without process or spans", func(w *thrift.Writer) {
			w.Field(anywhere, argsBatch)
			emptyList(batchSpans, thrift.Struct, 0)(w)
			w.Stop()
			w.Stop()
		}},
		{"process without name", "a process without a name", func(w *thrift.Writer) {
			w.Field(anywhere, argsBatch)
			w.Field(anywhere, batchProcess)
			w.Stop()
			emptyList(batchSpans, thrift.Struct, 0)(w)
			w.Stop()
			w.Stop()
		}},
		{"two processes", "comes twice", inBatch(func(w *thrift.Writer) { w.Field(anywhere, batchProcess); w.Stop() })},
		{"spans twice", "comes twice", inBatch(twice(emptyList(batchSpans, thrift.Struct, 0)))},
		{"tags twice", "comes twice", inSpan(twice(emptyList(spanTags, thrift.Struct, 0)))},
		{"logs twice", "comes twice", inSpan(twice(emptyList(spanLogs, thrift.Struct, 0)))},
		{"references twice", "comes twice", inSpan(twice(emptyList(spanReferences, thrift.Struct, 0)))},
		{"a log's fields twice", "comes twice", inSpan(list(spanLogs, twice(emptyList(logFields, thrift.Struct, 0))))},
		{"numbers for spans", "list of the wrong type", inBatch(emptyList(batchSpans, thrift.I64, 1))},
		{"numbers for tags", "list of the wrong type", inSpan(emptyList(spanTags, thrift.I64, 1))},
		{"empty tag", "a tag without key or type", inSpan(list(spanTags, nothing))},
		{"tag without key", "a tag without key or type", inSpan(list(spanTags, number(tagVType)))},
		{"tag without type", "a tag without key or type", inSpan(list(spanTags, func(w *thrift.Writer) { w.Field(anywhere, tagKey); w.String("k") }))},
		{"log without time", "a log without time or fields", inSpan(list(spanLogs, emptyList(logFields, thrift.Struct, 0)))},
		{"log without fields", "a log without time or fields", inSpan(list(spanLogs, number(logTimestamp)))},
		{"empty reference", "a reference without a required field", inSpan(list(spanReferences, nothing))},
		{"reference without type", "a reference without a required field", inSpan(list(spanReferences, func(w *thrift.Writer) {
			number(refTraceIDLow)(w)
			number(refTraceIDHigh)(w)
			number(refSpanID)(w)
		}))},
		{"stats of one number", "stats without a required field", inBatch(func(w *thrift.Writer) {
			w.Field(anywhere, batchStats)
			number(statsTooLarge)(w)
			w.Stop()
		})},
	} {
		for _, e := range encodings {
			t.Run(tc.name+", "+e.String(), func(t *testing.T) {
				rejected(t, byHand(e, emitBatch, tc.arguments), tc.want)
			})
		}
	}
	stop := func(w *thrift.Writer) { w.Stop() }
	for _, e := range encodings {
		rejected(t, byHand(e, "emitBatches", stop), "unknown method")
		rejected(t, byHand(e, "", stop), "unknown method")
	}
	rejected(t, nil, "no message")
	rejected(t, []byte("GET / HTTP/1.1\r\n"), "not a Thrift message")
	rejected(t, make([]byte, 65_507), "unknown method")
}

// spanWithout writes a span's required fields but one.
func spanWithout(w *thrift.Writer, missing thrift.Field) {
	for _, f := range []thrift.Field{
		spanTraceIDLow, spanTraceIDHigh, spanSpanID, spanParentSpanID, spanOperationName, spanFlags, spanStartTime, spanDuration,
	} {
		if f == missing {
			continue
		}
		w.Field(anywhere, f)
		switch f.Type() {
		case thrift.I64:
			w.I64(1)
		case thrift.I32:
			w.I32(1)
		default:
			w.String("op")
		}
	}
}

func TestSpanWithoutRequiredField(t *testing.T) {
	for _, e := range encodings {
		for _, missing := range []thrift.Field{
			0, spanTraceIDLow, spanTraceIDHigh, spanSpanID, spanParentSpanID, spanOperationName, spanFlags, spanStartTime, spanDuration,
		} {
			p := byHand(e, emitBatch, inBatch(list(batchSpans, func(w *thrift.Writer) { spanWithout(w, missing) })))
			if missing == 0 {
				transcode(t, p)
				continue
			}
			rejected(t, p, "span without a required field")
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, e := range encodings {
		for _, p := range [][]byte{AppendEmitBatch(nil, e, thrift.Oneway, 1, rich()), shuffled(e, 1, rich())} {
			for cut := range p {
				rejected(t, p[:cut], "")
			}
		}
	}
}

func TestBytesAfterTheMessageArePassedOver(t *testing.T) {
	for _, e := range encodings {
		p := AppendEmitBatch(nil, e, thrift.Oneway, 1, rich())
		want, _ := transcode(t, p)
		if got, _ := transcode(t, append(p, "more"...)); !bytes.Equal(got, want) {
			t.Errorf("%v: the frame is another one", e)
		}
	}
}

// Whatever one byte becomes, the packet is refused, or its frame can be passed
// on. In a small packet each byte becomes everything; in larger ones each bit
// is flipped.
func TestMutated(t *testing.T) {
	var all, bits []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	for b := range 8 {
		bits = append(bits, 1<<b)
	}
	var tr Transcoder
	taken, refused := 0, 0
	mutate := func(p, changes []byte) {
		for i, good := range p {
			for _, change := range changes {
				p[i] = good ^ change
				res, err := tr.Packet(p)
				if err != nil {
					if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrZipkin) {
						t.Fatalf("byte %d as %#x: %v", i, p[i], err)
					}
					refused++
					continue
				}
				verify(t, res)
				taken++
			}
			p[i] = good
		}
	}
	for _, e := range encodings {
		mutate(AppendEmitBatch(nil, e, thrift.Oneway, 1, goldenBatch()), all)
		mutate(AppendEmitBatch(nil, e, thrift.Oneway, 1, rich()), bits)
		mutate(shuffled(e, 1, rich()), bits)
	}
	if taken < 10_000 || refused < 10_000 {
		t.Errorf("%d taken and %d refused: this tests little", taken, refused)
	}
}

// Sizes that a packet declares must not be believed; nesting has a limit.
func TestHugeClaims(t *testing.T) {
	const (
		compact = "82810109656d69744261746368 1c" // emitBatch, field 1: struct
		binary  = "80010004 00000009 656d69744261746368 00000001 0c0001"
	)
	for name, tc := range map[string]struct{ packet, want string }{
		"method's name of 2 GiB":   {"828101ffffffff07", "ends early"},
		"name of 2 GiB":            {compact + "1c18ffffffff07", "ends early"},
		"2^31-1 spans":             {compact + "1c1801610019fcffffffff07", "longer than the message"},
		"65,000 tags":              {compact + "1c180161 19fce8fb03 00", "longer than the message"},
		"2^31-1 spans in binary":   {binary + "0c0001 0b0001 00000001 61 00 0f0002 0c 7fffffff", "longer than the message"},
		"-1 spans in binary":       {binary + "0c0001 0b0001 00000001 61 00 0f0002 0c ffffffff", "longer than the message"},
		"name of 2 GiB in binary":  {binary + "0c0001 0b0001 7fffffff", "ends early"},
		"name of -1 in binary":     {binary + "0c0001 0b0001 ffffffff", "ends early"},
		"100 structs":              {compact + "1c180161" + strings.Repeat("7c", 100) + strings.Repeat("00", 100), "nested too deep"},
		"30,000 structs":           {compact + "1c180161" + strings.Repeat("7c", 30_000), "nested too deep"},
		"30,000 lists":             {compact + "79" + strings.Repeat("19", 30_000), "nested too deep"},
		"20,000 structs in binary": {binary + strings.Repeat("0c0009", 20_000), "nested too deep"},
		"2^31-1 unknown numbers":   {compact + "79f6ffffffff07", "longer than the message"},
		"unknown map of 2^31-1":    {compact + "7bffffffff0788", "longer than the message"},
	} {
		p := unhex(t, tc.packet)
		var tr Transcoder
		if n := testing.AllocsPerRun(1, func() { _, _ = tr.Packet(p) }); n > 100 {
			t.Errorf("%s: %v allocations", name, n)
		}
		rejected(t, p, tc.want)
	}
}
