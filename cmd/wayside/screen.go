package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/wayside-tracing/wayside/collector/tail"
)

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// obeys says whether the terminal understands escape sequences.
func obeys() bool { return os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb" }

// layoutOf returns what says how traces are drawn on a terminal as it is now.
func layoutOf(f *os.File) func() tail.Layout {
	l := tail.Layout{Rows: 60, ASCII: asciiOnly(os.Getenv)}
	if obeys() && os.Getenv("NO_COLOR") == "" { // no-color.org
		l.Colours = new(tail.Colours)
	}
	return func() tail.Layout {
		l.Width = 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			l.Width = max(w, tail.MinWidth)
		}
		return l
	}
}

// asciiOnly says whether the locale is one without UTF-8 (POSIX, "Environment
// Variables": the first of these that is set counts). Where none is set, as in
// many containers, the terminal outside has UTF-8 all the same.
func asciiOnly(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return !strings.Contains(v, "utf-8") && !strings.Contains(v, "utf8")
		}
	}
	return getenv("TERM") == "dumb"
}

// self is how this program was called, for those who read what to type next.
func self() string {
	if strings.Contains(os.Args[0], "/go-build") {
		return "go run ./cmd/wayside"
	}
	return os.Args[0]
}
