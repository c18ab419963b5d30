package tail

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

var update = flag.Bool("update", false, "write what is drawn to testdata")

// began is when the traces of these tests begin.
const began = uint64(1_767_366_245_123_000_000)

// sp is a span with times in milliseconds.
func sp(id, parent byte, service, name string, start, took float64) Span {
	s := Span{
		ID: [8]byte{7: id}, Service: service, Name: name, Kind: otlp.KindServer,
		Start: began + uint64(int64(start*1e6)),
	}
	s.End = s.Start + uint64(took*1e6)
	s.Parent[7] = parent
	return s
}

func failed(s Span, message string) Span {
	s.Failed, s.Message = true, message
	return s
}

func kind(s Span, k otlp.Kind) Span {
	s.Kind = k
	return s
}

func checkout() []Span {
	return []Span{
		sp(1, 0, "frontend", "POST /checkout", 0, 182),
		sp(2, 1, "cart", "getItems", 2, 12.3),
		kind(sp(3, 2, "cart", "HGETALL", 2.5, 0.431), otlp.KindClient),
		sp(4, 1, "checkout", "placeOrder", 16, 160),
		failed(sp(5, 4, "payment", "charge", 40, 95), "card declined: insufficient funds"),
		sp(6, 4, "inventory", "release", 140, 14),
		sp(7, 6, "inventory", "UPDATE shop", 141, 12),
		kind(sp(8, 4, "mailer", "sendConfirmation", 230, 1380), otlp.KindConsumer),
	}
}

func TestLines(t *testing.T) {
	t.Setenv("TZ", "UTC")
	wide := Layout{Width: 120, Rows: 50}
	id := [16]byte{8: 0x3f, 15: 0x01}
	deep := []Span{sp(1, 0, "a", "op", 0, 50)}
	for i := byte(2); i < 30; i++ {
		deep = append(deep, sp(i, i-1, "service", "op", float64(i), 50-float64(i)))
	}
	var many []Span
	for i := range byte(40) {
		s := sp(i+1, min(i, 1), "shop", "step", float64(i), 1)
		s.Failed = i%10 == 9
		many = append(many, s)
	}
	for _, c := range []struct {
		name   string
		layout Layout
		trace  Trace
	}{
		{"wide", wide, Trace{Spans: checkout()}},
		{"80 cells", Layout{Width: 80, Rows: 50}, Trace{Spans: checkout()}},
		{"40 cells", Layout{Width: 40, Rows: 50}, Trace{Spans: checkout()}},
		{"32 cells", Layout{Width: 32, Rows: 50}, Trace{Spans: checkout()}},
		{"32 cells and years", Layout{Width: 32, Rows: 50}, Trace{Spans: []Span{ // found by FuzzPut: one cell too many
			sp(1, 0, "frontend", "POST /checkout", 0, 182), failed(Span{
				ID: [8]byte{9}, Parent: [8]byte{7: 1}, Start: 1, End: 1<<64 - 1,
			}, "never ends"),
		}}},
		{"colour", Layout{Width: 120, Rows: 50, Colours: &Colours{}}, Trace{Spans: checkout()}},
		{"ascii", Layout{Width: 120, Rows: 50, ASCII: true}, Trace{Spans: checkout()}},
		{"100 cells", Layout{Width: 100, Rows: 50}, Trace{Spans: checkout()}},
		{"one span", wide, Trace{Spans: checkout()[:1]}},
		{"a parent is missing", wide, Trace{Spans: append(checkout()[:3:3], checkout()[4:]...)}},
		{"the root is missing", wide, Trace{Spans: checkout()[1:]}},
		{"late", wide, Trace{Spans: checkout()[6:], Late: true}},
		{"still going", wide, Trace{Spans: checkout()[:2], Going: true}},
		{"came twice", wide, Trace{Spans: append(checkout()[:2:2], checkout()[:2]...)}},
		{"each other's parents", wide, Trace{Spans: []Span{
			sp(1, 2, "hen", "lay", 1, 2), sp(2, 1, "egg", "hatch", 0, 3), sp(3, 3, "narcissus", "look", 0, 1),
		}}},
		{"same id twice", wide, Trace{Spans: []Span{
			sp(1, 0, "frontend", "GET /", 0, 10), sp(1, 1, "backend", "GET /", 1, 8), sp(2, 1, "backend", "SELECT", 2, 3),
		}}},
		{"clocks differ", wide, Trace{Spans: []Span{
			sp(1, 0, "frontend", "GET /", 0, 10), sp(2, 1, "behind", "get", -35, 8), sp(3, 1, "ahead", "get", 20, 8),
		}}},
		{"escapes in names", wide, Trace{Spans: []Span{
			sp(1, 0, "evil\x1b[2J\x1b]0;owned\a", "line\nbreak\ttab\r\u009b31m", 0, 10),
			failed(sp(2, 1, "\u202eright to left", "nul\x00\x7f \u200bzero\u2028width", 1, 8), "\x1b[31mred\x1b[m"),
			sp(3, 1, "za\u0301\u0301\u0301\u0301\u0301lgo", "\U000e0041 tag", 2, 8),
			sp(4, 1, "", "", 3, 0),
		}}},
		{"wide characters", wide, Trace{Spans: []Span{
			sp(1, 0, "注文サービス", "支払い /checkout", 0, 10), sp(2, 1, "café", "naïve 🚲", 1, 8), sp(3, 1, "plain", "ascii", 1, 8),
		}}},
		{"wide characters cut", Layout{Width: 40, Rows: 50}, Trace{Spans: []Span{
			sp(1, 0, "注文サービス注文サービス", "支払い支払い支払い支払い", 0, 10), sp(2, 1, "plain", "ascii", 1, 8),
		}}},
		{"deep", Layout{Width: 80, Rows: 50}, Trace{Spans: deep}},
		{"more rows than wanted", Layout{Width: 80, Rows: 15}, Trace{Spans: many}},
		{"more spans than kept", wide, Trace{Spans: checkout(), LeftOut: 1234}},
		{"no time at all", wide, Trace{Spans: []Span{{ID: [8]byte{1}, Service: "a", Name: "b"}}}},
		{"ends before it begins", wide, Trace{Spans: []Span{sp(1, 0, "a", "b", 0, 10), {
			ID: [8]byte{9}, Parent: [8]byte{7: 1}, Service: "back", Name: "to the future", Start: began + 5e6, End: began + 1e6,
		}}}},
		{"end of time", wide, Trace{Spans: []Span{sp(1, 0, "a", "b", 0, 10), {
			ID: [8]byte{9}, Parent: [8]byte{7: 1}, Service: "c", Name: "d", Start: began, End: 1<<64 - 1,
		}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.trace.ID = id
			lines := c.layout.Lines(&c.trace)
			got := strings.Join(lines, "\n") + "\n"
			golden(t, filepath.Join("testdata", "trees", strings.ReplaceAll(c.name, " ", "-")+".txt"), got)
			for _, l := range lines {
				if n := cells(strip(l)); n > c.layout.Width {
					t.Errorf("%d cells: %q", n, l)
				}
			}
		})
	}
}

// strip takes this package's own colours away.
func strip(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as in %s (go test -update writes it anew):\n%s", file, got)
	}
}
