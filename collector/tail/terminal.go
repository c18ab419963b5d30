package tail

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/internal/figures"
)

// How many lines a terminal is given, so that a person can follow: so many a
// second, and so many at once after a pause.
const (
	linesPerSecond = 30
	linesAtOnce    = 120
	// statusEvery is how often the line at the bottom is renewed.
	statusEvery = 250 * time.Millisecond
)

// Screen is what a Terminal draws on.
type Screen struct {
	Out    io.Writer
	Layout func() Layout // asked before each trace: windows change
	// Status is the line at the bottom, and whether it tells of something
	// bad. It is called a few times a second, by Tick alone and without the
	// Terminal's lock: those whom it asks may be about to Print.
	Status func(Counts) (line string, bad bool)
	// Pinned says that the line can be kept at the bottom: the terminal
	// understands "erase in line" (ECMA-48, EL). Otherwise it is written as a
	// line every ten seconds when it has changed.
	Pinned bool
}

// Terminal is a view that draws traces as trees, as many as a person can
// follow, with a line of figures below them.
type Terminal struct {
	screen  Screen
	askedAt time.Time // when Status was called last; Tick's own

	mu       sync.Mutex
	err      error
	lines    float64 // that may be written now
	at       time.Time
	status   string // the line at the bottom
	bad      bool
	there    bool   // it is on the screen
	hidden   Counts // those that were told of
	hiddenAt time.Time
}

// NewTerminal returns a view that draws on a screen.
func NewTerminal(s Screen) *Terminal {
	now := time.Now()
	return &Terminal{screen: s, lines: linesAtOnce, at: now}
}

// Limits keep few traces: not many more are read in the time that they wait.
func (t *Terminal) Limits() Limits {
	return Limits{Open: 20_000, Kept: 100, Spans: 1000, Bytes: 8 << 20}
}

// Show draws a trace, unless too many lines were written of late.
func (t *Terminal) Show(tr *Trace) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.lines = min(t.lines+now.Sub(t.at).Seconds()*linesPerSecond, linesAtOnce)
	t.at = now
	if t.err != nil || t.lines <= 0 {
		return false
	}
	lines := t.screen.Layout().Lines(tr)
	t.lines -= float64(len(lines) + 1)
	t.write(strings.Join(lines, "\n") + "\n\n")
	return t.err == nil
}

// Tick renews the line at the bottom, and says now and then how many traces
// were not shown. It has one caller at a time.
func (t *Terminal) Tick(c Counts) error {
	now := time.Now()
	every := statusEvery
	if !t.screen.Pinned {
		every = 10 * time.Second
	}
	renew := now.Sub(t.askedAt) >= every
	var status string
	var bad bool
	if renew {
		t.askedAt = now
		status, bad = t.screen.Status(c)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := c.TracesHidden - t.hidden.TracesHidden; n > 0 && now.Sub(t.hiddenAt) > 5*time.Second {
		l := t.screen.Layout()
		s := l.ellipsis() + " " + figures.Count(n, "more trace") + " not shown (" + figures.Count(c.Hidden-t.hidden.Hidden, "span") + "): they come faster than one can read"
		t.hidden, t.hiddenAt = c, now
		t.write(l.paint(dim, fit(s, l.Width, l.ellipsis())) + "\n\n")
	}
	if renew {
		t.there = t.there && t.status == status
		t.status, t.bad = status, bad
	}
	if t.there {
		return t.err
	}
	t.there = true
	if !t.screen.Pinned {
		t.send(t.status + "\n")
		return t.err
	}
	l, colour := t.screen.Layout(), dim
	if t.bad {
		colour = red
	}
	t.send("\r\x1b[K" + l.paint(colour, fit(t.status, l.Width-1, l.ellipsis())))
	return t.err
}

// Print writes a line above the one at the bottom. It may be called by any
// goroutine; the text must be plain.
func (t *Terminal) Print(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(line + "\n")
}

// Close clears the line at the bottom.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write("")
}

// write puts text in the place of the line at the bottom, which Tick draws
// again.
func (t *Terminal) write(text string) {
	if t.screen.Pinned && t.there {
		text = "\r\x1b[K" + text
		t.there = false
	}
	t.send(text)
}

func (t *Terminal) send(text string) {
	if t.err == nil {
		_, t.err = io.WriteString(t.screen.Out, text)
	}
}
