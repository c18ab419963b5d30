package h2

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// Answers that are wrong end their call at once, with what is wrong.
func TestBadAnswers(t *testing.T) {
	const own, all = false, true // what is lost: the call, or the connection
	for name, c := range map[string]struct {
		do   func(p *peer)
		want string
		lost bool
	}{
		"closes":              {func(p *peer) { p.close() }, "connection lost", all},
		"no status":           {func(p *peer) { p.headers(1, true, "kind", "x") }, "malformed", own},
		"odd status":          {func(p *peer) { p.headers(1, true, ":status", "two") }, "malformed", own},
		"ends with 100":       {func(p *peer) { p.headers(1, true, ":status", "100") }, "malformed", own},
		"upper case":          {func(p *peer) { p.headers(1, true, ":status", "200", "Kind", "x") }, "invalid header field name", own},
		"data first":          {func(p *peer) { p.data(1, true, "x") }, "malformed", own},
		"trailer without end": {func(p *peer) { p.headers(1, false, ":status", "200"); p.headers(1, false, "a", "b") }, "malformed", own},
		"status in trailer": {func(p *peer) {
			p.headers(1, false, ":status", "200")
			p.headers(1, true, ":status", "200")
		}, "malformed", own},
		"headers too long": {func(p *peer) {
			for range 5 {
				p.headers(1, false, ":status", "103", "a", strings.Repeat("x", 15_000))
			}
			long := []string{":status", "200"}
			for range 1000 {
				long = append(long, "a", strings.Repeat("x", 100))
			}
			p.headers(1, true, long...)
		}, "longer than", own},
		"body without end": {func(p *peer) {
			p.headers(1, false, ":status", "200")
			for range 3 {
				p.data(1, false, strings.Repeat("x", 16_384))
			}
			p.data(1, false, strings.Repeat("x", 16_383))
		}, "longer than", own},
		"overruns our window": {func(p *peer) {
			p.headers(1, false, ":status", "200")
			for range 6 {
				p.data(1, false, strings.Repeat("x", 16_384))
			}
		}, "longer than", own},
		"reset":                      {func(p *peer) { p.write(func() error { return p.framer.WriteRSTStream(1, http2.ErrCodeCancel) }) }, "CANCEL", own},
		"window too wide":            {func(p *peer) { p.grant(1, maxWindow) }, "FLOW_CONTROL", own},
		"connection window too wide": {func(p *peer) { p.grant(0, maxWindow) }, "FLOW_CONTROL", all},
		"goes away in anger": {func(p *peer) {
			p.write(func() error { return p.framer.WriteGoAway(1, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings")) })
			p.close()
		}, "too_many_pings", all},
		"answers an idle stream": {func(p *peer) { p.headers(3, true, ":status", "200") }, "PROTOCOL_ERROR", all},
		"answers an even stream": {func(p *peer) { p.data(2, true, "x") }, "PROTOCOL_ERROR", all},
		"resets an idle stream":  {func(p *peer) { p.write(func() error { return p.framer.WriteRSTStream(7, 0) }) }, "PROTOCOL_ERROR", all},
		"pushes": {func(p *peer) {
			p.write(func() error {
				return p.framer.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
			})
		}, "PROTOCOL_ERROR", all},
		"bad setting": {func(p *peer) {
			p.write(func() error { return p.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 5}) })
		}, "PROTOCOL_ERROR", all},
		"frame too large": {func(p *peer) {
			p.write(func() error { return p.framer.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 20_000)) })
		}, "too large", all},
		"window update of nothing": {func(p *peer) {
			p.write(func() error { p.framer.AllowIllegalWrites = true; return p.framer.WriteWindowUpdate(0, 0) })
		}, "PROTOCOL_ERROR", all},
		"bad header block": {func(p *peer) {
			p.write(func() error {
				return p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff}, EndHeaders: true})
			})
		}, "COMPRESSION_ERROR", all},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, end := newPeer(t)
				fresh, freshEnd := newPeer(t)
				r := newRig(t, end, freshEnd)
				res := r.begin(soon(t), []byte("x"))
				p.call(1)
				go c.do(p)
				begun := time.Now()
				if got := <-res; got.err == nil || !strings.Contains(got.err.Error(), c.want) {
					t.Errorf("%+v, %v; want %q", got.resp, got.err, c.want)
				}
				if d := time.Since(begun); d > 0 {
					t.Errorf("known after %v", d)
				}
				// The next call goes its way, on this connection or a new one.
				res = r.begin(soon(t), []byte("y"))
				q, id := p, uint32(3)
				if c.lost {
					q, id = fresh, 1
				}
				q.next(map[uint32]string{1: "headers 1", 3: "headers 3"}[id], "reset", "window", "data")
				q.answer(id, "")
				check(t, <-res, "")
			})
		})
	}
}

// What listens is no HTTP/2 server.
func TestNotHTTP2(t *testing.T) {
	for name, greeting := range map[string]string{
		"HTTP/1":   "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"TLS":      "\x15\x03\x01\x00\x02\x02\x46",
		"SSH":      "SSH-2.0-OpenSSH_9.6\r\n",
		"settings": "\x00\x00\x00\x04\x01\x00\x00\x00\x00", // an acknowledgement before any
	} {
		bubble(t, func(t *testing.T) {
			r := newRig(t)
			for range maxTries { // it may be found out before the call has begun
				ours, theirs := net.Pipe()
				r.peers = append(r.peers, ours)
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				go func() { _, _ = io.WriteString(theirs, greeting) }()
				defer theirs.Close()
			}
			got := <-r.begin(soon(t), []byte("x"))
			if got.err == nil || name != "TLS" && !strings.Contains(got.err.Error(), "does not speak HTTP/2") {
				t.Errorf("%s: %v", name, got.err)
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		if got := <-r.begin(soon(t)); got.err == nil || !strings.Contains(got.err.Error(), "connecting: nobody there") {
			t.Errorf("%v", got.err)
		}
	})
}

// A peer that floods us with questions and reads no answers.
func TestFlood(t *testing.T) {
	for name, frame := range map[string]func(*http2.Framer) error{
		"ping":     func(f *http2.Framer) error { return f.WritePing(false, [8]byte{}) },
		"settings": func(f *http2.Framer) error { return f.WriteSettings() },
	} {
		bubble(t, func(t *testing.T) {
			p, end := newPeer(t)
			r := newRig(t, end)
			res := r.begin(soon(t), []byte("x"))
			p.call(1)
			p.next("settings ack")
			p.deaf.Store(true)
			go func() {
				for range 10_000 {
					p.write(func() error { return frame(p.framer) })
				}
			}()
			begun := time.Now()
			if got := <-res; got.err == nil {
				t.Errorf("%s: %+v", name, got.resp)
			}
			if d := time.Since(begun); d > pingTimeout {
				t.Errorf("%s: held up for %v", name, d)
			}
		})
	}
}

// A connection that has died without a word is noticed before the call's time
// is over.
func TestDeadConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), []byte("x"))
		p.call(1)
		begun := time.Now()
		got := <-res
		if got.err == nil || !strings.Contains(got.err.Error(), "no answer to a ping") {
			t.Errorf("%v", got.err)
		}
		if d := time.Since(begun); d < pingAfter+pingTimeout || d >= 10*time.Second {
			t.Errorf("noticed after %v", d)
		}
	})
}

// A connection that lives is kept while a call takes its time, with no more
// pings than a server puts up with.
func TestSlowCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		for id := uint32(1); id < 7; id += 2 {
			res := r.begin(t.Context(), []byte("x"))
			p.call(id)
			pings := 0
			stop := time.After(5 * time.Minute)
			for answered := false; !answered; {
				select {
				case f := <-p.frames:
					if f == "ping" {
						pings++
						p.write(func() error { return p.framer.WritePing(true, [8]byte{}) })
					}
				case <-stop:
					answered = true
				}
			}
			p.answer(id, "at last")
			check(t, <-res, "at last")
			if pings != maxPings {
				t.Errorf("%d pings", pings)
			}
		}
	})
}

// A peer that answers pings but no calls uses up the pings that a server puts
// up with. When it then falls silent, calls that end without an answer must
// not go on with this connection.
func TestSilenceAfterTheLastPing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		fresh, freshEnd := newPeer(t)
		r := newRig(t, end, freshEnd)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		res := r.begin(ctx, []byte("x"))
		p.call(1)
		for pings := 0; pings < maxPings; {
			if f := <-p.frames; f == "ping" {
				pings++
				p.write(func() error { return p.framer.WritePing(true, [8]byte{}) })
			}
		}
		if err := (<-res).err; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		// From here on the peer is silent.
		res = r.begin(soon(t), []byte("y"))
		if err := (<-res).err; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		res = r.begin(soon(t), []byte("z"))
		fresh.call(1)
		fresh.answer(1, "alive")
		check(t, <-res, "alive")
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		fresh, freshEnd := newPeer(t)
		r := newRig(t, end, freshEnd)
		for id := uint32(1); id < 5; id += 2 {
			res := r.begin(soon(t), []byte("x"))
			p.call(id)
			p.answer(id, "")
			check(t, <-res, "")
			time.Sleep(idleTimeout - 2*time.Second) // not long enough
		}
		begun := time.Now()
		<-p.gone
		if d := time.Since(begun); d > 5*time.Second {
			t.Errorf("closed after %v more", d)
		}
		for f := range p.frames {
			if f == "ping" {
				t.Error("an idle connection was pinged")
			}
		}
		res := r.begin(soon(t), []byte("y"))
		fresh.call(1)
		fresh.answer(1, "")
		check(t, <-res, "")
	})
}

// A call that ends after a long silence leaves a connection that was busy until
// now, whatever was sent or read last.
func TestConnectionIsNotIdleWhenALongCallEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		ctx, cancel := context.WithTimeout(t.Context(), idleTimeout+20*time.Second+checkEvery/2)
		defer cancel()
		res := r.begin(ctx, []byte("x"))
		p.call(1)
		for range maxPings { // then nothing is sent or read for longer than idleTimeout
			p.next("ping")
			p.write(func() error { return p.framer.WritePing(true, [8]byte{}) })
		}
		if err := (<-res).err; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		p.next("reset 1")
		time.Sleep(5 * checkEvery)
		res = r.begin(soon(t), []byte("y"))
		p.call(3)
		p.answer(3, "same")
		check(t, <-res, "same")
	})
}

func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, end := newPeer(t)
		r := newRig(t, end)
		res := r.begin(soon(t), []byte("x"))
		p.call(1)
		synctest.Wait()
		r.Close()
		if got := <-res; !errors.Is(got.err, net.ErrClosed) {
			t.Errorf("%v", got.err)
		}
		<-p.gone
	})
}
