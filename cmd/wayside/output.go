package main

import (
	"fmt"
	"io"
	"os"
	"sync"

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
