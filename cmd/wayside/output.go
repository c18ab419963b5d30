package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/collector/tail"
)

// output is where traces and notes go: to a terminal both, with a line kept at
// its bottom; else traces to standard output as JSON, notes to standard error.
type output struct {
	view     tail.View
	terminal bool
	note     func(string) // writes lines; may be called by any goroutine
	close    func()
}

func newOutput(stdout, stderr io.Writer, status func(tail.Counts) (string, bool)) *output {
	if isTerminal(stdout) {
		t := tail.NewTerminal(tail.Screen{
			Out: stdout, Layout: layoutOf(stdout.(*os.File)), Status: status, Pinned: obeys(),
		})
		return &output{view: t, terminal: true, note: t.Print, close: t.Close}
	}
	var mu sync.Mutex
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(stderr, s)
	}
	return &output{view: tail.NewJSON(stdout), note: note, close: func() {}}
}

// notes is a log handler for people: a line for a message, without what
// machines want, and the same message once in ten seconds.
type notes struct {
	print func(string)
	level slog.Level
	attrs []slog.Attr

	mu   sync.Mutex
	said map[string]time.Time
}

func (n *notes) Enabled(_ context.Context, l slog.Level) bool { return l >= n.level }

func (n *notes) Handle(_ context.Context, r slog.Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Time.Sub(n.said[r.Message]) < 10*time.Second {
		return nil
	}
	if n.said == nil {
		n.said = map[string]time.Time{}
	}
	n.said[r.Message] = r.Time
	var b strings.Builder
	b.WriteString("note: " + r.Message)
	sep := " ("
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, "%s%s %v", sep, a.Key, a.Value)
		sep = ", "
		return true
	}
	for _, a := range n.attrs {
		add(a)
	}
	r.Attrs(add)
	if sep == ", " {
		b.WriteString(")")
	}
	n.print(tail.Plain(b.String()))
	return nil
}

func (n *notes) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &notes{print: n.print, level: n.level, attrs: append(n.attrs[:len(n.attrs):len(n.attrs)], attrs...)}
}

// WithGroup does nothing: people need no groups.
func (n *notes) WithGroup(string) slog.Handler { return n }
