package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// bubble runs a test on fake time, in which a test that hangs is found at
// once, and so is a goroutine that is left over.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func check(t testing.TB, got result, body string) {
	t.Helper()
	if got.err != nil {
		t.Errorf("call: %v", got.err)
		return
	}
	r := got.resp
	if r.Status != 200 || string(r.Body) != body || r.Header.Get("kind") != "header" || r.Trailer.Get("kind") != "trailer" {
		t.Errorf("answer %+v", r)
	}
}

func TestCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		for i, chunks := range [][][]byte{
			{[]byte("hello")},
			{[]byte("he"), {}, []byte("ll"), []byte("o"), {}},
			{pattern(16 << 10)},
			{pattern(16<<10 - 1), pattern(2)},
		} {
			id := uint32(2*i + 1)
			res := r.begin(soon(t), chunks...)
			if got := p.call(id); !bytes.Equal(got, slices.Concat(chunks...)) {
				t.Errorf("call %d: body of %d bytes is not what was sent", id, len(got))
			}
			p.answer(id, "world")
			check(t, <-res, "world")
		}
		if r.dials != 1 {
			t.Errorf("%d connections", r.dials)
		}
	})
}

func TestCallWithoutBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t))
		p.next("headers 1 end")
		p.headers(1, true, ":status", "404", "kind", "only")
		got := <-res
		if got.err != nil || got.resp.Status != 404 || got.resp.Header.Get("kind") != "only" || got.resp.Trailer != nil {
			t.Errorf("%+v, %v", got.resp, got.err)
		}
	})
}

// Bodies larger than the windows arrive whole, whatever the peer grants, in
// whatever pieces; and never overrun a window (the peer checks that).
func TestWindows(t *testing.T) {
	for _, c := range []struct{ first, piece int }{
		{firstWindow, 16 << 10}, {firstWindow, 1000}, {1 << 20, 4 << 10}, {100, 30}, {0, 5000}, {1, 1}, {20_000, 20_000},
	} {
		bubble(t, func(t *testing.T) {
			body := pattern(max(300_000, 2*c.first))
			if c.piece == 1 {
				body = body[:300]
			}
			p, end := newPeer(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(c.first)})
			p.first = firstWindow // until the settings have arrived
			r := newRig(t, end)
			if c.first > 0 && c.first < firstWindow {
				p.first = c.first
				// The peer has told before the call.
				warm := r.begin(soon(t))
				p.next("headers 1")
				p.headers(1, true, ":status", "200")
				<-warm
			} else {
				p.first = max(c.first, firstWindow)
			}
			res := r.begin(soon(t), body[:len(body)/3], body[len(body)/3:])
			id := uint32(1)
			if c.first > 0 && c.first < firstWindow {
				id = 3
			}
			p.next(fmt.Sprintf("headers %d", id))
			done := make(chan bool)
			go func() {
				p.next(fmt.Sprintf("data %d end", id), "data")
				close(done)
			}()
			for ended := false; !ended; {
				p.grant(id, c.piece)
				p.grant(0, c.piece)
				time.Sleep(time.Millisecond)
				select {
				case <-done:
					ended = true
				default:
				}
			}
			if got := p.body(id); !bytes.Equal(got, body) {
				t.Errorf("%+v: body of %d bytes is not what was sent", c, len(got))
			}
			p.answer(id, "")
			check(t, <-res, "")
		})
	}
}

// A peer that gives back what it has received, and only when half of a window,
// the stream's or the connection's, is used up.
func TestPeerHoldsBack(t *testing.T) {
	for _, first := range []int{1, 3, 100, 20_000, firstWindow, 100_000, 1 << 20} {
		bubble(t, func(t *testing.T) {
			p, end := newPeer(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(first)})
			r := newRig(t, end)
			warm := r.begin(soon(t)) // after it, the settings have arrived
			p.next("headers 1")
			p.headers(1, true, ":status", "200")
			<-warm
			body := pattern(min(2_000_000, 1000*first))
			res := r.begin(soon(t), body)
			p.next("headers 3")
			for !strings.HasSuffix(p.next("data 3"), "end") {
				p.mu.Lock()
				stream, conn := first-p.stream[3], firstWindow-p.window
				p.mu.Unlock()
				if 2*stream >= first {
					p.grant(3, stream)
				}
				if 2*conn >= firstWindow {
					p.grant(0, conn)
				}
			}
			if got := p.body(3); !bytes.Equal(got, body) {
				t.Errorf("%d: body of %d bytes is not what was sent", first, len(got))
			}
			p.answer(3, "")
			check(t, <-res, "")
		})
	}
}

// Settings that change a stream's window while its body is under way, also to
// below nothing.
func TestWindowSettings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		body := pattern(200_000)
		res := r.begin(soon(t), body)
		p.next("headers 1")
		p.grant(0, 1<<20)
		synctest.Wait()
		shrink := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}
		p.write(func() error { return p.framer.WriteSettings(shrink) })
		synctest.Wait()
		p.grant(1, firstWindow-10) // the window is 0 again
		synctest.Wait()
		if got := len(p.body(1)); got != firstWindow {
			t.Errorf("%d bytes sent, want %d", got, firstWindow)
		}
		p.mu.Lock()
		p.stream[1] += 200_000 - 10
		p.mu.Unlock()
		p.write(func() error {
			return p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 200_000})
		})
		p.next("data 1 end", "data")
		if got := p.body(1); !bytes.Equal(got, body) {
			t.Errorf("body of %d bytes is not what was sent", len(got))
		}
		p.answer(1, "x")
		check(t, <-res, "x")
	})
}

func TestFrameSize(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		r := newRig(t, end)
		warm := r.begin(soon(t))
		p.next("headers 1")
		p.headers(1, true, ":status", "200")
		<-warm
		p.grant(0, 1<<20)
		synctest.Wait()
		body := pattern(200_000)
		res := r.begin(soon(t), body)
		p.next("headers 3")
		p.next("data 3 end") // in one frame
		p.answer(3, "")
		check(t, <-res, "")
	})
}

// Headers over the size of a frame go on in CONTINUATION frames; a table size
// of 0 is kept to from the first block after our acknowledgement.
func TestRequestHeaders(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		p.framer.ReadMetaHeaders.SetMaxDynamicTableSize(tableSize)
		r := newRig(t, end)
		token := strings.Repeat("§token", 10_000)
		header := append(slices.Clone(someHeader), hpack.HeaderField{Name: "authorization", Value: token})
		p.framer.MaxHeaderListSize = 1 << 20
		for id := uint32(1); id < 7; id += 2 {
			done := make(chan error, 1)
			go func() {
				_, err := r.Do(soon(t), "a", Request{Header: header, Body: [][]byte{[]byte("x")}})
				done <- err
			}()
			p.next(fmt.Sprintf("headers %d", id))
			p.next(fmt.Sprintf("data %d end", id))
			p.framer.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(0)
			p.headers(id, true, ":status", "200")
			if err := <-done; err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
	})
}

func TestMaxStreams(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
		r := newRig(t, end)
		first := r.begin(soon(t), []byte("x"))
		p.call(1)
		synctest.Wait()
		second := r.begin(soon(t), []byte("y"))
		hopeless, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := <-r.begin(hopeless, []byte("z")); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("call without a stream: %v", got.err)
		}
		p.answer(1, "1")
		check(t, <-first, "1")
		p.call(3)
		p.answer(3, "2")
		check(t, <-second, "2")
	})
}

func TestInformationalAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), []byte("x"))
		p.call(1)
		p.headers(1, false, ":status", "103")
		p.answer(1, "late")
		check(t, <-res, "late")
	})
}

// A server that shuts down in order: first it says that it will, then which
// call is the last. Nothing is lost and nothing fails.
func TestGoAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, oldEnd := newPeer(t)
		fresh, freshEnd := newPeer(t)
		r := newRig(t, oldEnd, freshEnd)
		first := r.begin(soon(t), []byte("1"))
		old.call(1)
		old.write(func() error { return old.framer.WriteGoAway(maxWindow, http2.ErrCodeNo, nil) })
		synctest.Wait()
		second := r.begin(soon(t), []byte("2"))
		if got := fresh.call(1); string(got) != "2" {
			t.Errorf("second call: %q", got)
		}
		old.write(func() error { return old.framer.WriteGoAway(1, http2.ErrCodeNo, nil) })
		fresh.answer(1, "two")
		check(t, <-second, "two")
		old.answer(1, "one")
		check(t, <-first, "one")
		<-old.gone // the client closes it after its last call
	})
}

// Calls that the server has not looked at are made again on a new connection.
func TestGoAwayUnprocessed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old, oldEnd := newPeer(t)
		fresh, freshEnd := newPeer(t)
		r := newRig(t, oldEnd, freshEnd)
		first := r.begin(soon(t), []byte("1"))
		old.call(1)
		second := r.begin(soon(t), pattern(100_000)) // stopped in the middle by the window
		old.next("headers 3")
		old.write(func() error { return old.framer.WriteGoAway(1, http2.ErrCodeNo, nil) })
		fresh.next("headers 1")
		go func() {
			for range 10 {
				fresh.grant(0, 10_000)
				fresh.grant(1, 10_000)
			}
		}()
		fresh.next("data 1 end", "data")
		if got := fresh.body(1); !bytes.Equal(got, pattern(100_000)) {
			t.Errorf("second call: %d bytes", len(got))
		}
		fresh.answer(1, "two")
		check(t, <-second, "two")
		old.answer(1, "one")
		check(t, <-first, "one")
	})
}

func TestResets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), []byte("1"))
		p.call(1)
		p.write(func() error { return p.framer.WriteRSTStream(1, http2.ErrCodeRefusedStream) })
		p.call(3) // again: it was not processed
		p.write(func() error { return p.framer.WriteRSTStream(3, http2.ErrCodeInternal) })
		if got := <-res; got.err == nil || !strings.Contains(got.err.Error(), "INTERNAL_ERROR") {
			t.Errorf("call that was reset: %v", got.err)
		}
		res = r.begin(soon(t), []byte("2"))
		for id := uint32(5); id <= 9; id += 2 {
			p.call(id)
			p.write(func() error { return p.framer.WriteRSTStream(id, http2.ErrCodeRefusedStream) })
		}
		if got := <-res; !errors.Is(got.err, errNotProcessed) {
			t.Errorf("call that is refused again and again: %v", got.err)
		}
		// The connection goes on.
		res = r.begin(soon(t), []byte("3"))
		p.call(11)
		p.answer(11, "ok")
		check(t, <-res, "ok")
	})
}

// An answer that comes before the body has gone: the rest is not sent.
func TestEarlyAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), pattern(1<<20))
		p.next("headers 1")
		p.headers(1, true, ":status", "200", "kind", "early")
		if got := <-res; got.err != nil || got.resp.Header.Get("kind") != "early" {
			t.Errorf("%+v", got)
		}
		p.next("reset 1 NO_ERROR", "data")
		p.grant(1, 5) // the peer may not know yet
		res = r.begin(soon(t), []byte("y"))
		p.grant(0, 1000)
		p.call(3)
		p.answer(3, "")
		check(t, <-res, "")
	})
}

// A call that is given up is reset; the connection and other calls go on.
func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		ctx, cancel := context.WithCancel(t.Context())
		waiting := r.begin(ctx, []byte("x"))
		p.call(1)
		sending := r.begin(ctx, pattern(1<<20))
		p.next("headers 3")
		other := r.begin(soon(t))
		p.next("headers 5", "data 3")
		synctest.Wait()
		cancel()
		for _, res := range []<-chan result{waiting, sending} {
			if got := <-res; !errors.Is(got.err, context.Canceled) {
				t.Errorf("call that was given up: %v", got.err)
			}
		}
		got := []string{p.next("reset", "data 3"), p.next("reset")}
		slices.Sort(got)
		if want := []string{"reset 1 CANCEL", "reset 3 CANCEL"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		p.answer(1, "too late")
		p.answer(5, "ok")
		check(t, <-other, "ok")
	})
}

// A peer that does not read holds up no one longer than they want to wait, and
// the body is not touched after that.
func TestPeerDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		warm := r.begin(soon(t))
		p.next("headers 1")
		p.headers(1, true, ":status", "200")
		<-warm
		p.deaf.Store(true)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		first := r.begin(ctx, pattern(50_000))
		synctest.Wait()
		second := r.begin(soon(t), pattern(50_000))
		if got := <-first; !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("first call: %v", got.err)
		}
		if got := <-second; got.err == nil {
			t.Errorf("the second call has an answer on a broken connection")
		}
		if d := time.Since(begun); d != 2*time.Second+writeGrace {
			t.Errorf("took %v", d)
		}
	})
}

func TestPeerAsks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), []byte("x"))
		p.call(1)
		p.write(func() error { return p.framer.WritePing(false, [8]byte([]byte("are you?"))) })
		p.next("ping ack are you?")
		p.write(func() error { return p.framer.WriteSettings() })
		p.next("settings ack")
		p.write(func() error { return p.framer.WriteRawFrame(0xbe, 0, 0, []byte("unknown types are ignored")) })
		p.answer(1, "")
		check(t, <-res, "")
	})
}

// What answers take up on the connection is given back.
func TestConnectionWindowIsGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		sent, back := 0, 0
		for id := uint32(1); id < 101; id += 2 {
			res := r.begin(soon(t), []byte("x"))
			p.next(fmt.Sprintf("headers %d", id), "window", "data")
			body := strings.Repeat("y", 10_000)
			p.answer(id, body)
			sent += len(body)
			check(t, <-res, body)
		}
		synctest.Wait()
		r.Close()
		for f := range p.frames {
			var n int
			if _, err := fmt.Sscanf(f, "window 0 %d", &n); err == nil {
				back += n
			}
		}
		if back == 0 || back > sent {
			t.Errorf("%d of %d bytes given back at the end", back, sent)
		}
	})
}
