package h2

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// attackers is how many do the same at once.
const attackers = 8

// flood runs an attack by several peers, with a good client beside them, and
// asserts what the server takes: memory (of this process, the attackers
// included), goroutines, and that each call of the good client is answered. It
// returns the last frame that each attacker was sent.
func flood(t *testing.T, attack func(p *peer, i int)) (last []string) {
	t.Helper()
	r := listen(t, patient())
	transport := prior()
	defer transport.CloseIdleConnections()
	good := func() {
		if status, answer, trailer := r.post(transport, "/", strings.NewReader("abc")); status != 200 || !strings.HasPrefix(answer, "3 bytes") || trailer != "trailer" {
			t.Errorf("the good client is answered %d %q %q", status, answer, trailer)
		}
	}
	good()
	peers := make([]*peer, attackers)
	for i := range peers {
		peers[i] = r.dial()
	}
	memory, goroutines := inUse(), runtime.NumGoroutine()
	var mostMemory, mostGoroutines uint64
	var running atomic.Int64
	running.Store(attackers)
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() {
			defer running.Add(-1)
			attack(p, i)
		})
	}
	calls := 0
	for more := true; more; calls++ {
		more = running.Load() > 0
		good()
		mostMemory = max(mostMemory, inUse())
		mostGoroutines = max(mostGoroutines, uint64(runtime.NumGoroutine()))
	}
	wg.Wait()
	t.Logf("%d good calls; memory +%d kB, goroutines +%d", calls, int64(mostMemory-memory)/1024, int(mostGoroutines)-goroutines)
	if limit := memory + attackers*(256<<10) + 8<<20; mostMemory > limit {
		t.Errorf("%d bytes in use, at most %d", mostMemory, limit)
	}
	if limit := uint64(goroutines + attackers*3 + 4); mostGoroutines > limit {
		t.Errorf("%d goroutines, at most %d", mostGoroutines, limit)
	}
	for _, p := range peers {
		p.nc.Close()
		last = append(last, p.end())
	}
	good()
	return last
}

// inUse is what the process holds, in bytes. Garbage does not count: how much of
// it there is at a time, clients' and this test's own included, is the
// collector's to choose. What an agent takes of the system in a flood is tried in
// cmd/wayside-agent.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// calmed asserts that all were told to be calm.
func calmed(t *testing.T, last []string) {
	t.Helper()
	for _, l := range last {
		if !strings.HasPrefix(l, "goaway") || !strings.Contains(l, "ENHANCE_YOUR_CALM") {
			t.Errorf("last came %q", l)
		}
	}
}

// many is a number of frames that no server should take: twice what this one
// does, and, as they are small, no more than it reads to its end.
const many = 2 * noiseBurst

// bulk writes frames, many in one write, until the connection has ended.
func (p *peer) bulk(frames func(w *http2.Framer, n int)) {
	var b bytes.Buffer
	w := http2.NewFramer(&b, nil)
	w.AllowIllegalWrites = true
	for n := 0; n < many; {
		b.Reset()
		for b.Len() < 16<<10 {
			frames(w, n)
			n++
		}
		if _, err := p.nc.Write(b.Bytes()); err != nil {
			break
		}
		select {
		case <-p.gone:
			return
		default:
		}
	}
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Error("all was taken")
	}
}

// CVE-2023-44487.
func TestRapidResets(t *testing.T) {
	calmed(t, flood(t, func(p *peer, _ int) {
		block := p.encode(":method", "POST", ":scheme", "http", ":path", "/")
		first := true
		p.bulk(func(w *http2.Framer, n int) {
			id := uint32(2*n + 1)
			if !first {
				block = []byte{0x83, 0x86, 0x84}
			}
			first = false
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
			_ = w.WriteRSTStream(id, http2.ErrCodeCancel)
		})
	}))
}

// The same with calls that wait: those that were reset are still worked on, and
// no more than 64 are.
func TestRapidResetsOfWaiting(t *testing.T) {
	r := listen(t, patient())
	r.wait = make(chan struct{})
	p := r.dial()
	p.encode(":path", "/wait")
	p.bulk(func(w *http2.Framer, n int) {
		id := uint32(2*n + 1)
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte("\x83\x86\x04\x05/wait"), EndHeaders: true, EndStream: true})
		_ = w.WriteRSTStream(id, http2.ErrCodeCancel)
	})
	if n := r.largest.Load(); n > maxStreams {
		t.Errorf("%d at once", n)
	}
	calmed(t, []string{p.end()})
	close(r.wait)
}

// CVE-2025-8671: the peer makes us reset.
func TestMadeYouReset(t *testing.T) {
	calmed(t, flood(t, func(p *peer, _ int) {
		p.bulk(func(w *http2.Framer, n int) {
			id := uint32(2*n + 1)
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x83, 0x86, 0x84}, EndHeaders: true})
			_ = w.WriteWindowUpdate(id, 0)
		})
	}))
}

// More streams than there may be.
func TestManyStreams(t *testing.T) {
	calmed(t, flood(t, func(p *peer, _ int) {
		p.bulk(func(w *http2.Framer, n int) {
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*n + 1), BlockFragment: []byte{0x83, 0x86, 0x84}, EndHeaders: true})
		})
	}))
}

// CVE-2023-45288 and CVE-2024-28182.
func TestContinuations(t *testing.T) {
	for name, fragment := range map[string][]byte{"empty": nil, "small": []byte("\x00\x01a\x01b"), "large": bytes.Repeat([]byte("\x00\x01a\x01b"), 3000)} {
		t.Run(name, func(t *testing.T) {
			calmed(t, flood(t, func(p *peer, _ int) {
				_ = p.w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83, 0x86, 0x84}})
				p.bulk(func(w *http2.Framer, _ int) { _ = w.WriteContinuation(1, false, fragment) })
			}))
		})
	}
}

// A field that fills HPACK's table, and then is named again and again (CVE-2016-1544).
func TestHeaderBomb(t *testing.T) {
	flood(t, func(p *peer, _ int) {
		large := strings.Repeat("v", 4000)
		if !p.begin(1, "/", true, "large", large) {
			return
		}
		p.next("headers 1 status=200")
		block := append([]byte{0x83, 0x86, 0x84}, bytes.Repeat([]byte{0xbe}, 16_000)...)
		for id := uint32(3); id < 203; id += 2 {
			p.do(func(w *http2.Framer) error {
				return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true})
			})
			p.next(fmt.Sprintf("headers %d status=431", id))
		}
	})
}

// Frames that bring nothing.
func TestNoise(t *testing.T) {
	for name, frame := range map[string]func(w *http2.Framer, n int){
		"pings":           func(w *http2.Framer, _ int) { _ = w.WritePing(false, [8]byte{}) },
		"acknowledgments": func(w *http2.Framer, _ int) { _ = w.WritePing(true, [8]byte{}) },
		"settings":        func(w *http2.Framer, _ int) { _ = w.WriteSettings() },
		"many settings": func(w *http2.Framer, n int) {
			_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: uint32(n)})
		},
		"resets of what was answered": func(w *http2.Framer, n int) {
			if n == 0 {
				_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83, 0x86, 0x84}, EndHeaders: true, EndStream: true})
			}
			_ = w.WriteRSTStream(1, http2.ErrCodeNo)
		},
		"windows":    func(w *http2.Framer, _ int) { _ = w.WriteWindowUpdate(0, 1) },
		"priorities": func(w *http2.Framer, _ int) { _ = w.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
		"unknown":    func(w *http2.Framer, _ int) { _ = w.WriteRawFrame(0xfa, 0, 1, nil) },
		"empty data": func(w *http2.Framer, n int) {
			if n == 0 {
				_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83, 0x86, 0x84}, EndHeaders: true})
			}
			_ = w.WriteDataPadded(1, false, nil, make([]byte, 10))
		},
	} {
		t.Run(name, func(t *testing.T) { calmed(t, flood(t, func(p *peer, _ int) { p.bulk(frame) })) })
	}
}

// Peers that do not read their answers, each of a few kilobytes; the good client
// does not notice.
func TestPeersThatDoNotRead(t *testing.T) {
	r := listen(t, patient())
	var conns []net.Conn
	for range attackers {
		nc := dialRaw(r)
		_ = nc.(*net.TCPConn).SetReadBuffer(1)
		conns = append(conns, nc)
	}
	memory := inUse()
	var asked atomic.Int64
	var wg sync.WaitGroup
	for _, nc := range conns {
		wg.Go(func() {
			w := http2.NewFramer(nc, nil)
			_, _ = io.WriteString(nc, http2.ClientPreface)
			_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			_ = w.WriteWindowUpdate(0, 1<<30)
			_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
			for id := uint32(1); ; id += 2 {
				err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte("\x83\x86\x04\x05/long"), EndHeaders: true, EndStream: true})
				if err != nil {
					return // nobody takes it any more
				}
				asked.Add(1)
			}
		})
	}
	transport := prior()
	defer transport.CloseIdleConnections()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	most := uint64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if status, _, _ := r.post(transport, "/", strings.NewReader("abc")); status != 200 {
			t.Errorf("the good client is answered %d", status)
		}
		most = max(most, inUse())
	}
	t.Logf("%d calls were asked for, each of 100 kB; memory +%d kB", asked.Load(), int64(most-memory)/1024)
	// What came with one read is answered before anything is written: at most the
	// answers of as many calls as may be open, of each.
	if limit := memory + attackers*maxStreams*100_000 + 8<<20; most > limit {
		t.Errorf("%d bytes in use, at most %d", most, limit)
	}
}

// Peers that begin 64 calls each, send a little of each, and say no more.
func TestHalfOpenPeers(t *testing.T) {
	flood(t, func(p *peer, _ int) {
		for id := uint32(1); id < 2*maxStreams; id += 2 {
			p.begin(id, "/", false)
			p.data(id, false, make([]byte, 10_000))
		}
		p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
		p.next("pong")
		time.Sleep(300 * time.Millisecond)
	})
}

// What clients send along with their calls is no flood, for as long as they make
// calls: here each brings ten frames, over ten times as many as there may be.
func TestBusyClientsAreNotFloods(t *testing.T) {
	p := listen(t, patient()).dial()
	for n := range 4 * noiseBurst / noisePerCall {
		id := uint32(2*n + 1)
		p.begin(id, "/", false)
		p.data(id, false, []byte("prefi"))
		p.data(id, true, []byte("message"))
		for range noisePerCall - 1 {
			p.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(0, 1) })
		}
		p.next(fmt.Sprintf("headers %d kind=trailer", id))
	}
}

func TestBucket(t *testing.T) {
	now := time.Now()
	b := newBucket(3, 2, now)
	take := func(want ...bool) {
		t.Helper()
		for i, w := range want {
			if got := b.take(now); got != w {
				t.Errorf("%d: %v", i, got)
			}
		}
	}
	take(true, true, true, false)
	now = now.Add(time.Second)
	take(true, true, false)
	b.add(1)
	take(true, false)
	b.add(100)
	now = now.Add(time.Hour)
	take(true, true, true, true)
}
