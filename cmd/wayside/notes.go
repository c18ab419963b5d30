package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/collector/tail"
)

// notes is a log handler for people: of a warning or worse one line, without
// what machines want, and the same message once in ten seconds.
type notes struct {
	*noted
	attrs []slog.Attr
}

// noted is what a handler shares with those that have more attributes.
type noted struct {
	print func(string)

	mu   sync.Mutex
	said map[string]time.Time // by message: the code has only so many
}

func newNotes(print func(string)) *notes {
	return &notes{noted: &noted{print: print, said: map[string]time.Time{}}}
}

func (n *notes) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (n *notes) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "ledger" {
		return nil // the agent's last line, at any level: up ends with its own
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Time.Sub(n.said[r.Message]) < 10*time.Second {
		return nil
	}
	n.said[r.Message] = r.Time
	var attrs []string
	add := func(a slog.Attr) bool {
		attrs = append(attrs, fmt.Sprintf("%s %v", a.Key, a.Value.Resolve()))
		return true
	}
	for _, a := range n.attrs {
		add(a)
	}
	r.Attrs(add)
	line := "note: " + r.Message
	if len(attrs) > 0 {
		line += " (" + strings.Join(attrs, ", ") + ")"
	}
	n.print(tail.Plain(line))
	return nil
}

func (n *notes) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &notes{n.noted, append(n.attrs[:len(n.attrs):len(n.attrs)], attrs...)}
}

// WithGroup does nothing: people need no groups.
func (n *notes) WithGroup(string) slog.Handler { return n }
