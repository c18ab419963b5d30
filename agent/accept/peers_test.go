package accept

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()
	s := serve(t, "unix:"+path, Options{TLS: newAuthority(t).server(t, "not for a unix socket")})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info, err)
	}
	if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
		t.Errorf("%+v", st)
	}
	if status, _, body := s.post(bytes.NewReader(request(3, 1))); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if st := s.Status(); st.Spans != 6 || st.Address != "unix:"+path || st.TLS {
		t.Errorf("%+v", st)
	}
	if _, err := s.Server.Listen("unix:"+path, ""); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	s.stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket stays behind")
	}
	writeFile(t, path, []byte("not a socket"))
	if _, err := s.Server.Listen("unix:"+path, ""); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("%v", err)
	}
}

// slow is a body that comes in part, and then not any more.
func slow(t *testing.T, begin []byte) (body io.Reader, end func()) {
	t.Helper()
	r, w := io.Pipe()
	go w.Write(begin)
	end = sync.OnceFunc(func() { w.CloseWithError(io.ErrClosedPipe) })
	t.Cleanup(end)
	return r, end
}

// until waits for something to be so.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not " + what)
		}
	}
}

// Who promises 4 MiB and sends little takes little, and a good sender is served
// beside 60 of them. Who has sent much keeps other large ones out, which are
// told to come again, but not small ones.
func TestSlowSendersAndTheBudget(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	good := framed(false, request(100, 10))
	part := framed(false, request(1000, 4000))
	var wg sync.WaitGroup
	begin := func(n int) (end func()) {
		body, end := slow(t, part[:n])
		wg.Go(func() { s.tryCall(body) })
		return end
	}
	var ends []func()
	for range 60 {
		ends = append(ends, begin(100))
	}
	until(t, "received", func() bool { return s.reserved() == 60*16<<10 })
	if st, _ := s.call(bytes.NewReader(good), nil); st.Code != grpc.OK {
		t.Errorf("beside senders of little: %+v", st)
	}
	for _, end := range ends {
		end()
	}
	until(t, "free", func() bool { return s.reserved() == 0 })

	// All of its room is reserved before all of it has come.
	end := begin(100 << 10)
	until(t, "received", func() bool { return s.budget.large.Load() == int64(blockFor(len(part)-5)) })
	if st, _ := s.call(bytes.NewReader(part), nil); st.Code != grpc.ResourceExhausted || st.RetryDelay != retryDelay {
		t.Errorf("a large request beside a large one: %+v", st)
	}
	// It is told so before it has sent anything.
	only, endOnly := slow(t, part[:5])
	if st, _ := s.call(only, nil); st.Code != grpc.ResourceExhausted {
		t.Errorf("the head of a large request beside a large one: %+v", st)
	}
	endOnly()
	if status, h, _ := s.post(bytes.NewReader(part[5:])); status != 429 || h.Get("Retry-After") != "1" {
		t.Errorf("a large request beside a large one: %d %v", status, h)
	}
	if st, _ := s.call(bytes.NewReader(good), nil); st.Code != grpc.OK {
		t.Errorf("a small request beside a large one: %+v", st)
	}
	if n := s.budget.large.Load(); n > receiving {
		t.Errorf("%d bytes reserved", n)
	}
	end()
	wg.Wait()
	until(t, "free", func() bool { return s.reserved() == 0 })
	if st, _ := s.call(bytes.NewReader(part), nil); st.Code != grpc.OK {
		t.Errorf("when there is room again: %+v", st)
	}
	s.refused("all", ledger.Refusals{ledger.Overloaded: 3, ledger.Malformed: 61})
}

// tryCall makes a call that may break off.
func (s *served) tryCall(body io.Reader) {
	r, err := newCall(s, body)
	if err != nil {
		s.t.Error(err)
		return
	}
	if res, err := s.h2.RoundTrip(r); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}

// All at once: each is answered, what is taken is taken whole, and afterwards
// nothing is reserved (serve sees to that).
func TestManyLargeRequestsAtOnce(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	large := framed(false, request(1000, 4000))
	var ok, again atomicCount
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 3 {
				switch st, _ := s.call(bytes.NewReader(large), nil); {
				case st.Code == grpc.OK:
					ok.add()
				case st.Code == grpc.ResourceExhausted && st.RetryDelay == retryDelay:
					again.add()
				default:
					t.Errorf("%+v", st)
				}
				if n := s.reserved(); n > receiving+smalls {
					t.Errorf("%d bytes reserved", n)
				}
			}
		})
	}
	wg.Wait()
	a := s.lane.copy()
	if ok.n == 0 || a.Accepted != ok.n*1000 || a.Refused[ledger.Overloaded] != again.n || ok.n+again.n != 48 {
		t.Errorf("%d taken, %d to come again: %+v", ok.n, again.n, a)
	}
}

type atomicCount struct {
	sync.Mutex
	n uint64
}

func (c *atomicCount) add() {
	c.Lock()
	c.n++
	c.Unlock()
}

// Peers that connect and say nothing make way for those that have something to
// say; peers that are busy don't.
func TestHalfOpenConnections(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for i := range maxConnections {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if i%2 == 0 {
			fmt.Fprint(c, http2.ClientPreface) // and no more
		}
	}
	until(t, "all open", func() bool { return s.Status().Connections == maxConnections })
	time.Sleep(shy)
	if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
		t.Errorf("%+v", st)
	}
	if status, _, body := s.post(bytes.NewReader(request(3, 1))); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if n := s.Status().Connections; n > maxConnections {
		t.Errorf("%d connections", n)
	}
}

// Idle peers that took every file descriptor kept the agent from its collector,
// and the admin port from answering, for the five minutes that they may be idle.
func TestIdlePeersLeaveDescriptorsForDelivery(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 64: 32, 500: 250, 1024: maxConnections, 1 << 62: maxConnections} {
		if got := limitFor(files); got != want {
			t.Errorf("%d connections with %d descriptors, want %d", got, files, want)
		}
	}
	s := serve(t, "127.0.0.1:0", Options{})
	s.conns.mu.Lock()
	s.conns.limit = limitFor(16)
	s.conns.mu.Unlock()
	for range 3 * 8 {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, http2.ClientPreface, "\x00\x00\x00\x04\x00\x00\x00\x00\x00") // and settings
	}
	time.Sleep(shy)
	if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
		t.Errorf("a good sender beside them: %+v", st)
	}
	if n := s.Status().Connections; n > 8 {
		t.Errorf("%d connections with 16 descriptors", n)
	}
}

// A peer whose idle connection makes way is told so: a call that it has begun
// meanwhile may be begun elsewhere.
func TestIdlePeerIsToldThatItMakesWay(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	s.conns.mu.Lock()
	s.conns.limit = 8
	s.conns.mu.Unlock()
	first, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_ = first.SetDeadline(time.Now().Add(20 * time.Second))
	fr := http2.NewFramer(first, first)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(first, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: grpc.TracePath}, {Name: ":authority", Value: "a"}, {Name: "content-type", Value: grpc.ContentType}} {
		_ = enc.WriteField(f)
	}
	if err := errors.Join(fr.WriteSettings(), fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		fr.WriteData(1, true, framed(false, request(3, 1)))); err != nil {
		t.Fatal(err)
	}
	ended, others := false, 0
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if h, ok := f.(*http2.MetaHeadersFrame); ok && h.StreamEnded() && !ended {
			ended = true
			until(t, "idle", func() bool {
				s.conns.mu.Lock()
				defer s.conns.mu.Unlock()
				for c := range s.conns.open {
					return c.state == http.StateIdle
				}
				return false
			})
			for others < 8 {
				c, err := net.Dial("tcp", s.Address())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				others++
			}
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			if g.LastStreamID != 1 || g.ErrCode != http2.ErrCodeNo {
				t.Errorf("%v", g)
			}
			break
		}
	}
	if n, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after it: %d bytes, %v", n, err)
	}
	first.Close()
	until(t, "closed", func() bool {
		s.conns.mu.Lock()
		defer s.conns.mu.Unlock()
		return s.conns.leaving == 0
	})
	if s.lane.copy().Accepted != 3 {
		t.Errorf("%+v", s.lane.copy())
	}
}

func TestQuietest(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	mk := func(state string, age time.Duration) *connection {
		c := &connection{since: ago(age)}
		switch state {
		case "new":
		case "active":
			c.state = 1
		case "idle":
			c.state = 2
		}
		return c
	}
	for name, c := range map[string]struct {
		open []*connection
		want int // -1: none
	}{
		"none":              {nil, -1},
		"all busy":          {[]*connection{mk("active", time.Hour), mk("active", 0)}, -1},
		"just come":         {[]*connection{mk("new", 0)}, -1},
		"longest idle":      {[]*connection{mk("idle", time.Second), mk("idle", time.Minute), mk("active", time.Hour)}, 1},
		"shy before idle":   {[]*connection{mk("idle", time.Hour), mk("new", 2*time.Second), mk("new", 3*time.Second)}, 2},
		"idle before fresh": {[]*connection{mk("idle", 0), mk("new", 0)}, 0},
	} {
		all := connections{open: map[*connection]struct{}{}}
		for _, n := range c.open {
			all.open[n] = struct{}{}
		}
		got := all.quietest(now)
		if c.want < 0 && got != nil || c.want >= 0 && got != c.open[c.want] {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Requests that have begun when the listener ends are answered.
func TestEndAnswersWhatHasBegun(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	msg := framed(false, request(3, 1))
	r, w := io.Pipe()
	done := make(chan grpc.Status)
	go func() {
		st, _ := s.call(r, nil)
		done <- st
	}()
	if _, err := w.Write(msg[:20]); err != nil {
		t.Fatal(err)
	}
	until(t, "begun", func() bool { return s.budget.requests.Load() == 1 })
	ended := make(chan struct{})
	go func() { s.stop(); close(ended) }()
	until(t, "closed", func() bool {
		c, err := net.Dial("tcp", s.Address())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if _, err := w.Write(msg[20:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if st := <-done; st.Code != grpc.OK || s.lane.copy().Accepted != 3 {
		t.Errorf("%+v, %+v", st, s.lane.copy())
	}
	<-ended
}

// Small requests have a share of their own, and what is left of the other one.
func TestShares(t *testing.T) {
	var b budget
	var all []*share
	enter := func(n int) *share {
		s := new(share)
		if !b.take(s, n) {
			return nil
		}
		all = append(all, s)
		return s
	}
	const block = 16 << 10
	for range smalls / block {
		if s := enter(block); s == nil || s.large {
			t.Fatalf("%+v", s)
		}
	}
	first := all[0]
	if s := enter(block); s == nil || !s.large {
		t.Errorf("no room of large ones for a small one: %+v", s)
	}
	if enter(receiving) != nil {
		t.Error("more than there is")
	}
	if !b.take(first, receiving-2*block) || !first.large || b.large.Load() != receiving || b.small.Load() != smalls-block {
		t.Errorf("%+v: %d large, %d small", first, b.large.Load(), b.small.Load())
	}
	if enter(smallRequest) != nil {
		t.Error("more than there is")
	}
	if s := enter(block); s == nil || s.large {
		t.Errorf("what the large one has left is not free: %+v", s)
	}
	for _, s := range all {
		b.give(*s)
	}
	if b.large.Load() != 0 || b.small.Load() != 0 {
		t.Errorf("%d large, %d small", b.large.Load(), b.small.Load())
	}
}
