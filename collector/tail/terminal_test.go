package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a Terminal that draws into a buffer, 60 cells wide.
func screen(pinned bool) (*Terminal, *bytes.Buffer) {
	var out bytes.Buffer
	return NewTerminal(Screen{
		Out:    &out,
		Layout: func() Layout { return Layout{Width: 60, Rows: 50} },
		Status: func(c Counts) (string, bool) {
			return fmt.Sprintf("%d spans, and %s", c.Spans, strings.Repeat("more ", 20)), false
		},
		Pinned: pinned,
	}), &out
}

func oneTrace() *Trace { return &Trace{ID: [16]byte{15: 1}, Spans: []Span{sp(1, 0, "a", "b", 0, 1)}} }

func TestPinnedStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out := screen(true)
		step := func(what, want string, do func()) {
			t.Helper()
			out.Reset()
			do()
			if got := out.String(); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		status := func(n int) string {
			return fmt.Sprintf("\r\x1b[K%d spans, and more more more more more more more more more …", n)
		}
		step("first", status(0), func() { term.Tick(Counts{}) })
		time.Sleep(time.Second)
		step("nothing new", "", func() { term.Tick(Counts{}) })
		time.Sleep(time.Second)
		step("something new", status(1), func() { term.Tick(Counts{Spans: 1}) })
		step("new again, too soon", "", func() { term.Tick(Counts{Spans: 2}) })
		step("a note", "\r\x1b[Khello\n", func() { term.Print("hello") })
		step("another", "again\n", func() { term.Print("again") })
		step("back again", status(1), func() { term.Tick(Counts{Spans: 2}) })
		step("end", "\r\x1b[K", term.Close)
		step("a word after that", "bye\n", func() { term.Print("bye") })
		out.Reset()
		term.Tick(Counts{})
		out.Reset()
		if !term.Show(oneTrace()) || !strings.HasPrefix(out.String(), "\r\x1b[K15:04:05.123 · trace 0000000000000001") || !strings.HasSuffix(out.String(), "\n\n") {
			t.Errorf("%q", out)
		}
	})
}

func TestUnpinnedStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out := screen(false)
		for i := range 300 { // 30 s
			if err := term.Tick(Counts{Spans: uint64(i / 200)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(tick)
		}
		if got := strings.Count(out.String(), "\n"); got != 2 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%d lines: %q", got, out)
		}
	})
}

func TestTooManyToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out := screen(true)
		shown := 0
		for range 60 * 1000 / 100 { // a minute, 100 traces a second
			for range 10 {
				if term.Show(oneTrace()) {
					shown++
				}
			}
			term.Tick(Counts{})
			time.Sleep(tick)
		}
		want := (linesAtOnce + 60*linesPerSecond) / 3 // a header, a span, a space
		if shown < want-5 || shown > want+5 {
			t.Errorf("%d traces were shown, want %d", shown, want)
		}
		if lines := strings.Count(out.String(), "\n"); lines != 3*shown {
			t.Errorf("%d lines for %d traces", lines, shown)
		}
		time.Sleep(time.Minute)
		if !term.Show(oneTrace()) {
			t.Error("after a pause nothing is shown")
		}
	})
}

func TestHiddenTracesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out := screen(true)
		for i := range uint64(101) { // 10 s
			term.Tick(Counts{TracesHidden: 10 * i, Hidden: 1000 * i})
			time.Sleep(tick)
		}
		var told []string
		for line := range strings.Lines(out.String()) {
			if _, after, found := strings.Cut(line, "… "); found {
				told = append(told, after)
			}
		}
		if len(told) != 2 || !strings.HasPrefix(told[0], "10 more traces not shown (1,000 spans)") || !strings.HasPrefix(told[1], "510 more traces not shown (51,000 spans)") {
			t.Errorf("%q", told)
		}
	})
}

// An agent that logs holds its lock and prints; the status line asks that agent.
// With the Terminal's lock held as well, each waits for the other for ever.
func TestStatusIsAskedWithoutTheLock(t *testing.T) {
	var term *Terminal
	term = NewTerminal(Screen{
		Out: io.Discard, Layout: func() Layout { return Layout{Width: 60, Rows: 9} }, Pinned: true,
		Status: func(Counts) (string, bool) {
			if !term.mu.TryLock() {
				t.Fatal("who is asked could not print")
			}
			term.mu.Unlock()
			term.Print("a note")
			return "status", false
		},
	})
	if err := term.Tick(Counts{}); err != nil {
		t.Error(err)
	}
}

func TestTerminalGone(t *testing.T) {
	term := NewTerminal(Screen{
		Out: brokenPipe{}, Layout: func() Layout { return Layout{Width: 60, Rows: 9} },
		Status: func(Counts) (string, bool) { return "", false },
	})
	if term.Show(oneTrace()) {
		t.Error("a trace was shown to nobody")
	}
	if err := term.Tick(Counts{}); err == nil || !errors.Is(err, term.err) {
		t.Errorf("%v", err)
	}
}
