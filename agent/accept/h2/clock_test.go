package h2

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// inBubble serves one end of a pipe, in time that is made up, and says when the
// connection has ended.
func inBubble(t *testing.T, test func(e *echo, nc net.Conn, ended func() time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mine, theirs := net.Pipe()
		e := &echo{t: t}
		began := time.Now()
		done := make(chan time.Duration, 1)
		go func() {
			newServer().Serve(theirs, e.handle, nil)
			done <- time.Since(began)
		}()
		test(e, mine, func() time.Duration { return <-done })
		mine.Close()
		time.Sleep(time.Minute) // those who sleep between two frames find out
		if n := e.open.Load(); n != 0 {
			t.Errorf("%d receivers were not ended", n)
		}
	})
}

// around says whether a time is what it should be, or a second later.
func around(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+2*time.Second {
		t.Errorf("%s: after %v, want %v", what, got, want)
	}
}

func TestSlowBeginnings(t *testing.T) {
	s := newServer()
	for _, first := range []string{"", "PRI * HTTP", http2.ClientPreface, http2.ClientPreface + "\x00\x00"} {
		inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
			go func() { _, _ = io.Copy(io.Discard, nc) }()
			_, _ = io.WriteString(nc, first)
			around(t, first, ended(), s.HeaderTimeout)
		})
	}
}

// drip sends a byte a second.
func drip(nc net.Conn, b byte) {
	for {
		if _, err := nc.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// A block of headers, and a frame, that come a byte a second.
func TestSlowFrames(t *testing.T) {
	s := newServer()
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		p := newPeer(t, nc)
		p.do(func(w *http2.Framer) error {
			return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83}})
		})
		go drip(nc, 0)
		around(t, "headers", ended(), s.HeaderTimeout)
		if last := p.end(); !strings.HasPrefix(last, "goaway 0 ENHANCE_YOUR_CALM") {
			t.Error(last)
		}
	})
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		p := newPeer(t, nc)
		p.raw([]byte("\x00\x20\x00\x00\x00\x00\x00\x00\x01"))
		go drip(nc, 0)
		around(t, "a frame", ended(), s.RequestTimeout)
		if last := p.end(); !strings.HasPrefix(last, "goaway 0 ENHANCE_YOUR_CALM") {
			t.Error(last)
		}
	})
}

// A body that is slow is answered, and its connection goes on.
func TestSlowBody(t *testing.T) {
	inBubble(t, func(e *echo, nc net.Conn, _ func() time.Duration) {
		p := newPeer(t, nc)
		began := time.Now()
		p.begin(1, "/", false)
		go func() {
			for time.Since(began) < 20*time.Second {
				p.data(1, false, []byte("a"))
				time.Sleep(time.Second)
			}
		}()
		time.Sleep(5 * time.Second)
		p.works(3)
		for !strings.HasPrefix(<-p.frames, "headers 1 status=408") {
		}
		around(t, "the answer", time.Since(began), newServer().RequestTimeout)
		p.next("reset 1 NO_ERROR")
		p.works(5)
		if e.slow.Load() != 1 {
			t.Error("End is not told")
		}
	})
}

// A Receiver may give its body less time; other calls have theirs.
func TestBodyInAHurry(t *testing.T) {
	inBubble(t, func(e *echo, nc net.Conn, _ func() time.Duration) {
		p := newPeer(t, nc)
		began := time.Now()
		p.begin(1, "/hurry", false)
		p.begin(3, "/", false)
		p.data(1, false, []byte("a"))
		p.data(3, false, []byte("a"))
		for !strings.HasPrefix(<-p.frames, "headers 1 status=408") {
		}
		around(t, "the answer", time.Since(began), hurry)
		for !strings.HasPrefix(<-p.frames, "headers 3 status=408") {
		}
		around(t, "the other answer", time.Since(began), newServer().RequestTimeout)
		if e.slow.Load() != 2 {
			t.Error("End is not told")
		}
	})
}

// So is one whose answer finds no room.
func TestSlowReaderOfAnAnswer(t *testing.T) {
	inBubble(t, func(_ *echo, nc net.Conn, _ func() time.Duration) {
		p := newPeer(t, nc, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
		began := time.Now()
		p.begin(1, "/", true)
		p.next("data 1")
		for !strings.HasPrefix(<-p.frames, "reset 1 CANCEL") {
		}
		around(t, "the end", time.Since(began), newServer().AnswerTimeout)
		p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
		p.next("pong")
	})
}

// A silent peer is asked whether it is there.
func TestPings(t *testing.T) {
	s := newServer()
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		p := newPeer(t, nc)
		p.works(1)
		around(t, "without an answer", ended(), s.PingAfter+pingTimeout)
		if last := p.end(); last != "ping wayside" {
			t.Error(last)
		}
	})
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		p := newPeer(t, nc)
		p.works(1)
		pings := 0
		for f := range p.frames {
			switch {
			case f == "ping wayside":
				pings++
				p.do(func(w *http2.Framer) error { return w.WritePing(true, keepalive) })
			case f == "ping drained":
				p.do(func(w *http2.Framer) error { return w.WritePing(true, drained) })
			}
		}
		around(t, "idle", ended(), s.IdleTimeout)
		if pings < 4 {
			t.Errorf("%d pings", pings)
		}
	})
}

// Who is asked to leave and does not answer is left.
func TestIdleAndSilent(t *testing.T) {
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		p := newPeer(t, nc)
		p.works(1)
		go func() {
			for { // no answer to a ping, but a sign of life
				time.Sleep(50 * time.Second)
				if !p.do(func(w *http2.Framer) error { return w.WritePriority(1, http2.PriorityParam{StreamDep: 3}) }) {
					return
				}
			}
		}()
		around(t, "idle", ended(), newServer().IdleTimeout+drainTimeout)
		if last := p.end(); last != "goaway 1 NO_ERROR " {
			t.Error(last)
		}
	})
}

// A peer that does not read its answers is not read from, and then left.
func TestDeafPeer(t *testing.T) {
	inBubble(t, func(_ *echo, nc net.Conn, ended func() time.Duration) {
		w := http2.NewFramer(nc, nil)
		_, _ = io.WriteString(nc, http2.ClientPreface)
		_ = w.WriteSettings()
		pings := 0
		for w.WritePing(false, [8]byte{}) == nil {
			pings++
		}
		around(t, "deaf", ended(), newServer().AnswerTimeout)
		if pings > 1000 {
			t.Errorf("%d pings were read", pings)
		}
	})
}
