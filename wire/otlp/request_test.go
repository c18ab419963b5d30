package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// frameOf is a frame as it was yielded.
type frameOf struct {
	bytes []byte
	spans int
}

// cut is a request's frames.
func cut(t *testing.T, c *Cutter, request []byte, limit int) ([]frameOf, error) {
	t.Helper()
	before := bytes.Clone(request)
	r, err := readRequest(request, limit)
	if err != nil {
		if r.Spans != 0 || r.bytes != nil {
			t.Errorf("%+v with an error", r)
		}
		return nil, err
	}
	var list []frameOf
	for f, n := range r.Frames(c) {
		list = append(list, frameOf{bytes.Clone(f), n})
	}
	if !bytes.Equal(request, before) {
		t.Error("the request was changed")
	}
	return list, nil
}

// verify says what is wrong with a request's frames.
func verify(request []byte, list []frameOf, limit int) error {
	var lines []string
	total := 0
	for i, f := range list {
		n, err := Check(f.bytes)
		switch {
		case err != nil:
			return fmt.Errorf("frame %d: %w", i, err)
		case n != f.spans || n == 0:
			return fmt.Errorf("frame %d: %d spans checked, %d said", i, n, f.spans)
		case len(f.bytes) > limit:
			return fmt.Errorf("frame %d: %d bytes", i, len(f.bytes))
		}
		for top := range fields(f.bytes, 0) {
			if top.number != RequestResourceSpans {
				return fmt.Errorf("frame %d: field %d", i, top.number)
			}
		}
		total += len(f.bytes)
		lines = append(lines, tell(f.bytes)...)
	}
	if total > 4*len(request) {
		return fmt.Errorf("%d bytes became %d", len(request), total)
	}
	if want := tell(request); !slices.Equal(lines, want) {
		return fmt.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// verifyAround says where a span has something else around it than in the
// request, by the length of all that is around it: its order may be another.
// (Lengths that are written longer than they need be would tell nothing.)
func verifyAround(request []byte, list []frameOf) error {
	at := 0
	for i, f := range list {
		for j := range min(f.spans, 50) {
			got, want := len(Extract(nil, f.bytes, j, j+1)), len(Extract(nil, request, at+j, at+j+1))
			if got != want {
				return fmt.Errorf("frame %d: span %d alone takes %d bytes, and %d in the request", i, j, got, want)
			}
		}
		at += f.spans
	}
	return nil
}

// sized has one ResourceSpans with a resource, and in it a scope with spans,
// each with so many bytes of text.
func sized(resource, scope int, spans ...int) []byte {
	return build(func(b *Builder) {
		nest(b, RequestResourceSpans, func() {
			nest(b, ResourceSpansResource, func() {
				b.StringAttribute(ResourceAttributes, []byte("service.name"), bytes.Repeat([]byte("r"), resource))
			})
			sizedScope(b, scope, spans...)
			b.TextString(ResourceSpansSchemaURL, "resource schema")
		})
	})
}

func sizedScope(b *Builder, scope int, spans ...int) {
	nest(b, ResourceSpansScopeSpans, func() {
		for i, n := range spans {
			nest(b, ScopeSpansSpans, func() {
				b.TraceID(SpanTraceID, 1, 1)
				b.SpanID(SpanSpanID, uint64(i+1))
				b.Blob(SpanName, bytes.Repeat([]byte("n"), n))
			})
		}
		// Behind the spans: it must be in front of none of them.
		nest(b, ScopeSpansScope, func() { b.Blob(ScopeName, bytes.Repeat([]byte("s"), scope)) })
		b.TextString(ScopeSpansSchemaURL, "scope schema")
	})
}

func times(n, size int) []int { return slices.Repeat([]int{size}, n) }

func TestFrames(t *testing.T) {
	const k = 1 << 10
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	unknown := unhex("f80701")
	scopes := func(resource int, scopes ...func(b *Builder)) []byte {
		return build(func(b *Builder) {
			nest(b, RequestResourceSpans, func() {
				b.Blob(99, make([]byte, resource)) // an unknown field is common to the spans, too
				for _, s := range scopes {
					s(b)
				}
			})
		})
	}
	scope := func(size int, spans ...int) func(b *Builder) {
		return func(b *Builder) { sizedScope(b, size, spans...) }
	}
	for name, tc := range map[string]struct {
		request []byte
		spans   string // of the frames
	}{
		"nothing":                            {nil, "[]"},
		"no spans":                           {sized(10, 10), "[]"},
		"no spans, unknown field":            {join(sized(10, 10), unknown), "[]"},
		"no spans, large":                    {sized(600*k, 10), "[]"},
		"no spans, large scope":              {sized(10, 600*k), "[]"},
		"small":                              {testFrame(3), "[9]"},
		"unknown field in front":             {join(unknown, testFrame(3)), "[9]"},
		"unknown field behind":               {join(testFrame(3), unknown), "[9]"},
		"unknown fields between":             {join(testFrame(1), unknown, testFrame(2), unknown, testFrame(3)), "[18]"},
		"two that fill a frame":              {join(sized(0, 0, 256*k), sized(0, 0, 255*k)), "[2]"},
		"two that don't fit into one":        {join(sized(0, 0, 300*k), sized(0, 0, 300*k)), "[1 1]"},
		"and an unknown field":               {join(sized(0, 0, 300*k), unknown, sized(0, 0, 300*k)), "[1 1]"},
		"many":                               {join(sized(0, 0, 200*k), sized(0, 0, 200*k), unknown, sized(0, 0, 100*k), sized(0, 0, 300*k)), "[3 1]"},
		"large one between small ones":       {join(testFrame(1), sized(0, 0, times(3, 300*k)...), testFrame(2)), "[3 1 1 1 6]"},
		"small spans":                        {sized(100, 100, times(5000, 300)...), "[1568 1568 1568 296]"},
		"half a frame of resource":           {sized(250*k, 0, times(3, 200*k)...), "[1 1 1]"},
		"half a frame of resource and scope": {sized(100*k, 150*k, times(3, 200*k)...), "[1 1 1]"},
		"large scope that need not be cut":   {scopes(10*k, scope(300*k, 100*k), scope(400*k, 100*k)), "[1 1]"},
		"large scope that need not be cut, and could be": {scopes(10*k, scope(10, 50*k), scope(300*k, 100*k, 100*k)), "[1 2]"},
		"scopes that fit in part":                        {scopes(10*k, scope(10, times(4, 100*k)...), scope(20, times(4, 100*k)...)), "[5 3]"},
		"scope without spans":                            {scopes(10*k, scope(500*k), scope(20, times(6, 100*k)...)), "[5 1]"},
		"scope with room for no span":                    {scopes(10*k, scope(10, 450*k), scope(60*k, times(6, 90*k)...)), "[1 4 2]"},
	} {
		var c Cutter
		list, err := cut(t, &c, tc.request, MaxFrame)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		spans := []int{}
		for _, f := range list {
			spans = append(spans, f.spans)
		}
		if got := fmt.Sprint(spans); got != tc.spans {
			t.Errorf("%s: %s, want %s", name, got, tc.spans)
		}
		if err := errors.Join(verify(tc.request, list, MaxFrame), verifyAround(tc.request, list)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := c.out.Cap() + c.head.Cap(); n > 2*MaxFrame {
			t.Errorf("%s: the cutter holds %d bytes", name, n)
		}
	}
}

// Whatever the limit, what is cut is within it and whole.
func TestEveryLimit(t *testing.T) {
	request := slices.Concat(testFrame(1), unhex("f80701"), sized(20, 10, 10, 40, 0, 20, 100, 30, 5, 90), build(func(b *Builder) {
		nest(b, RequestResourceSpans, func() {
			for i := range 6 {
				sizedScope(b, 3*i, 10, 50*i, 20, 2*i)
			}
		})
	}), testFrame(2))
	var c Cutter
	cuts := 0
	for limit := range len(request) + 1 {
		list, err := cut(t, &c, request, limit)
		if errors.Is(err, ErrTooBig) && limit < 400 {
			continue
		}
		if err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		if err := errors.Join(verify(request, list, limit), verifyAround(request, list)); err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		cuts = max(cuts, len(list))
	}
	if cuts < 10 {
		t.Errorf("at most %d frames", cuts)
	}
}

func TestTooBig(t *testing.T) {
	const k = 1 << 10
	for name, tc := range map[string]struct {
		request []byte
		want    string
	}{
		"a span":                        {sized(0, 0, 10, 512*k, 10), "a span of 524"},
		"beside its resource":           {sized(200*k, 0, 320*k), "a span of 327"},
		"a resource beside small spans": {sized(300*k, 0, times(300, k)...), "a resource of 307"},
		"a scope beside small spans":    {sized(0, 300*k, times(300, k)...), "a resource and a scope of 307"},
		"both":                          {sized(200*k, 100*k, times(300, k)...), "a resource and a scope of 307"},
		"the second":                    {slices.Concat(testFrame(1), sized(0, 0, 600*k)), "a span of 614"},
	} {
		r, err := ReadRequest(tc.request)
		if !errors.Is(err, ErrTooBig) || errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tc.want) || r.Spans != 0 {
			t.Errorf("%s: %d spans, %v", name, r.Spans, err)
		}
	}
	if _, err := ReadRequest(unhex("0a80")); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	// One that is as large as a frame is one, whatever is in it.
	whole := sized(500*k, 0, 1)
	whole = sized(500*k+MaxFrame-len(whole), 0, 1)
	if r, err := ReadRequest(whole); len(whole) != MaxFrame || err != nil || r.Spans != 1 {
		t.Errorf("%d bytes: %d spans, %v", len(whole), r.Spans, err)
	}
	if _, err := ReadRequest(append(whole, unhex("f80701")...)); err != nil {
		t.Errorf("with an unknown field: %v", err)
	}
}

// What is cut is the request, not a copy, where nothing has to be repeated.
func TestFramesAlias(t *testing.T) {
	small := testFrame(2)
	var c Cutter
	for request, n := range map[*[]byte]int{
		&small: 1,
		new(slices.Concat(sized(0, 0, 300<<10), sized(0, 0, 301<<10))):     2,
		new(slices.Concat(unhex("f80701"), testFrame(1), unhex("f80701"))): 1,
	} {
		r, err := ReadRequest(*request)
		if err != nil {
			t.Fatal(err)
		}
		for f := range r.Frames(&c) {
			n--
			if at := bytes.Index(*request, f); at < 0 || &f[0] != &(*request)[at] {
				t.Error("it was copied")
			}
		}
		if n != 0 {
			t.Errorf("%d frames less", n)
		}
	}
	if c.out.Cap()+c.head.Cap() > 0 {
		t.Error("the cutter has reserved memory")
	}
}

// It is not the first frame alone that a caller may stop at.
func TestFramesStop(t *testing.T) {
	request := slices.Concat(testFrame(1), sized(10, 10, times(4, 300<<10)...), testFrame(1))
	for stop := range 6 {
		r, err := ReadRequest(request)
		if err != nil {
			t.Fatal(err)
		}
		var c Cutter
		n := 0
		for range r.Frames(&c) {
			if n++; n > stop {
				break
			}
		}
		if n != stop+1 {
			t.Errorf("%d frames, not %d", n, stop+1)
		}
	}
}

func TestUsualRequestCostsNoMemory(t *testing.T) {
	request := testFrame(20)
	n := testing.AllocsPerRun(100, func() {
		var c Cutter
		r, err := ReadRequest(request)
		if err != nil {
			t.Fatal(err)
		}
		for f, n := range r.Frames(&c) {
			if len(f) != len(request) || n != 60 {
				t.Fatal(n)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The worst that a request can be made of does not grow beyond four times its
// length.
func TestCuttingDoesNotAmplify(t *testing.T) {
	const k = 1 << 10
	var worst float64
	for _, resource := range []int{1, 100 * k, 255 * k} {
		for _, span := range []int{10, 100 * k, 129 * k, 171 * k, 255 * k} {
			for _, n := range []int{1, 3, 20} {
				scope := times(max(1, min(4_000, n*200*k/(span+40))), span)
				request := sized(resource, 0, scope...)
				if len(request) > MaxRequest {
					continue
				}
				r, err := ReadRequest(request)
				if err != nil {
					t.Fatalf("resource %d, span %d: %v", resource, span, err)
				}
				var c Cutter
				total := 0
				for f := range r.Frames(&c) {
					total += len(f)
				}
				worst = max(worst, float64(total)/float64(len(request)))
			}
		}
	}
	if worst > 4 || worst < 1.5 {
		t.Errorf("%.2f times", worst)
	}
	t.Logf("%.2f times at worst", worst)
}

// With small limits, what takes megabytes otherwise comes about by itself.
func FuzzFrames(f *testing.F) {
	f.Add(testFrame(3), uint16(300))
	f.Add(slices.Concat(testFrame(1), unhex("f80701"), testFrame(2)), uint16(600))
	f.Add(sized(50, 10, 10, 20, 30, 100, 10), uint16(300))
	f.Add(sized(200, 10, 10, 20, 30, 100, 10), uint16(300))
	f.Add(sized(50, 110, 10, 20, 30, 100, 10), uint16(320))
	f.Fuzz(func(t *testing.T, request []byte, limit uint16) {
		n, err := Check(request)
		var c Cutter
		list, err2 := cut(t, &c, request, int(limit))
		if (err != nil) != errors.Is(err2, ErrMalformed) {
			t.Fatalf("%v, but %v", err, err2)
		}
		if errors.Is(err2, ErrTooBig) {
			if len(request) <= int(limit) || n == 0 {
				t.Fatalf("%d spans in %d bytes: %v", n, len(request), err2)
			}
			return
		}
		if err2 != nil {
			return
		}
		if err := verify(request, list, int(limit)); err != nil {
			t.Fatal(err)
		}
		// The same again, in used memory.
		again, err := cut(t, &c, request, int(limit))
		if err != nil || len(again) != len(list) {
			t.Fatalf("%d frames, then %d, %v", len(list), len(again), err)
		}
		for i := range list {
			if !bytes.Equal(again[i].bytes, list[i].bytes) {
				t.Fatalf("frame %d: %x, then %x", i, list[i].bytes, again[i].bytes)
			}
		}
	})
}

func BenchmarkReadRequest(b *testing.B) {
	for name, request := range map[string][]byte{
		"small": testFrame(50),
		"4MiB":  sized(2000, 100, times(10_000, 350)...),
	} {
		b.Run(name, func(b *testing.B) {
			n := float64(Count(request))
			b.SetBytes(int64(len(request)))
			b.ReportAllocs()
			var c Cutter
			for b.Loop() {
				r, err := ReadRequest(request)
				if err != nil {
					b.Fatal(err)
				}
				for range r.Frames(&c) {
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/span")
		})
	}
}
