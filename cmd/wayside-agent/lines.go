package main

import (
	"io"
	"sync/atomic"
	"time"
)

const (
	// maxLines is how many lines wait for a standard error that takes none; more
	// are lost and counted. A line has a few hundred bytes.
	maxLines = 128
	// flushTime is how long the end waits for it.
	flushTime = time.Second
)

// lines is a writer of log lines that never waits. Whoever reads standard error
// may stop reading, and a line of the log is written where locks are held: an
// agent that waited for it would take nothing in and deliver nothing.
type lines struct {
	to    io.Writer
	queue chan line
	lost  atomic.Int64
	// tell is called when lines were lost, once some are taken again.
	tell func(lost int64)
}

// line is one, or who waits for those before.
type line struct {
	text    []byte
	reached chan struct{}
}

// newLines begins to write to a writer, for as long as the process lives.
func newLines(to io.Writer) *lines {
	l := &lines{to: to, queue: make(chan line, maxLines), tell: func(int64) {}}
	go l.write()
	return l
}

// Write takes a line, or loses it. It never fails.
func (l *lines) Write(p []byte) (int, error) {
	select {
	case l.queue <- line{text: append([]byte(nil), p...)}:
	default:
		l.lost.Add(1)
	}
	return len(p), nil
}

func (l *lines) write() {
	for next := range l.queue {
		if next.reached != nil {
			close(next.reached)
			continue
		}
		_, _ = l.to.Write(next.text)   // nobody is left to tell
		if len(l.queue) > maxLines/2 { // what is told of the loss must not be lost
			continue
		}
		if n := l.lost.Swap(0); n > 0 {
			l.tell(n)
		}
	}
}

// flush waits until what was written until now is where it is to be, or cannot be.
func (l *lines) flush() {
	late := time.After(flushTime)
	reached := make(chan struct{})
	select {
	case l.queue <- line{reached: reached}:
	case <-late:
		return
	}
	select {
	case <-reached:
	case <-late:
	}
}
