package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// echo is a Handler. What it answers depends on the path: by default, how many
// bytes came, and a trailer.
type echo struct {
	t       testing.TB
	wait    chan struct{} // what /wait waits for; nil: nothing
	open    atomic.Int64  // receivers whose End was not called
	gone    atomic.Int64  // that ended with ErrGone
	slow    atomic.Int64  // that ended with ErrSlow
	largest atomic.Int64  // how many were open at one time
}

type receiver struct {
	e     *echo
	path  string
	begun time.Time
	bytes int
	sum   byte
	ended atomic.Bool
}

func (e *echo) handle(r *Request) Receiver {
	n := e.open.Add(1)
	e.largest.Store(max(e.largest.Load(), n))
	if r.Path == "/panic" {
		defer e.open.Add(-1)
		panic("in the handler")
	}
	return &receiver{e: e, path: r.Path, begun: time.Now()}
}

func (r *receiver) Data(p []byte) bool {
	for _, b := range p {
		r.sum += b
	}
	r.bytes += len(p)
	return r.path != "/no"
}

// hurry is how long a body for /hurry may take.
const hurry = 3 * time.Second

func (r *receiver) Missing() int { return 0 }

func (r *receiver) Deadline() time.Time {
	if r.path == "/hurry" {
		return r.begun.Add(hurry)
	}
	return time.Time{}
}

func (r *receiver) Quick() bool { return r.path != "/wait" && r.path != "/wait-panic" }

func (r *receiver) End(err error) Reply {
	if r.ended.Swap(true) {
		r.e.t.Error("End is called twice")
	}
	r.e.open.Add(-1)
	switch {
	case errors.Is(err, ErrGone):
		r.e.gone.Add(1)
		return Reply{}
	case errors.Is(err, ErrSlow):
		r.e.slow.Add(1)
		return Reply{Status: 408}
	}
	switch r.path {
	case "/wait":
		<-r.e.wait
	case "/wait-panic", "/end-panic":
		panic("at the end")
	case "/nothing":
		return Reply{}
	case "/headers":
		return Reply{Status: 200, Header: Header{{Name: "long", Value: strings.Repeat("v", 40_000)}}}
	case "/long":
		return Reply{Status: 200, Body: pattern(100_000)}
	}
	return Reply{
		Status: 200, Header: Header{{Name: "kind", Value: "header"}},
		Body:    fmt.Appendf(nil, "%d bytes, sum %d", r.bytes, r.sum),
		Trailer: Header{{Name: "kind", Value: "trailer"}},
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// newServer has the limits that the agent has.
func newServer() *Server {
	return &Server{
		HeaderTimeout: 5 * time.Second, RequestTimeout: 10 * time.Second, AnswerTimeout: 20 * time.Second,
		IdleTimeout: 5 * time.Minute, PingAfter: time.Minute, Log: slog.New(slog.DiscardHandler),
	}
}

// patient has as much patience as a busy machine may need, for tests that are
// not about time.
func patient() *Server {
	s := newServer()
	s.HeaderTimeout, s.RequestTimeout, s.AnswerTimeout = time.Hour, time.Hour, time.Hour
	return s
}

// patience is how long a test waits for what does not come.
const patience = 2 * time.Minute

// rig is a server that listens. At its end no receiver is left.
type rig struct {
	*Server
	*echo
	t       testing.TB
	address string
	stop    func()
}

func listen(t testing.TB, s *Server) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Server: s, echo: &echo{t: t}, t: t, address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.Serve(c, r.handle, nil)
		}
	}()
	r.stop = sync.OnceFunc(func() {
		l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Shutdown(ctx)
		if n := r.open.Load(); n != 0 {
			t.Errorf("%d receivers were not ended", n)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// peer is a client that does what a test tells it to.
type peer struct {
	t       testing.TB
	nc      net.Conn
	w       *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	frames  chan string   // what came, in words; closed at the end
	gone    chan struct{} // closed when reading has ended
	last    string        // what came last; to be read when gone is closed
	writing sync.Mutex    // some tests write from two goroutines
}

func (r *rig) dial() *peer {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	return newPeer(r.t, nc)
}

// newPeer says what every client says first.
func newPeer(t testing.TB, nc net.Conn, settings ...http2.Setting) *peer {
	t.Helper()
	p := &peer{t: t, nc: nc, w: http2.NewFramer(nc, nil), frames: make(chan string, 4096), gone: make(chan struct{})}
	p.w.AllowIllegalWrites = true
	p.encoder = hpack.NewEncoder(&p.block)
	t.Cleanup(func() { nc.Close() })
	go p.read()
	p.raw([]byte(http2.ClientPreface))
	p.do(func(w *http2.Framer) error { return w.WriteSettings(settings...) })
	return p
}

func (p *peer) raw(b []byte) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = p.nc.Write(b) // the server may have closed it
}

// do writes a frame; false: the connection is closed.
func (p *peer) do(write func(*http2.Framer) error) bool {
	p.writing.Lock()
	defer p.writing.Unlock()
	return write(p.w) == nil
}

func (p *peer) read() {
	defer close(p.gone)
	defer close(p.frames)
	r := http2.NewFramer(nil, p.nc)
	r.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	r.MaxHeaderListSize = 1 << 20
	for {
		f, err := r.ReadFrame()
		if err != nil {
			return
		}
		if w := p.words(f); w != "" {
			p.last = w
			select {
			case p.frames <- w:
			default: // a flood of answers to a flood
			}
		}
	}
}

func (p *peer) words(f http2.Frame) string {
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		s := fmt.Sprintf("headers %d", id)
		for _, h := range f.Fields {
			s += " " + strings.TrimPrefix(h.Name, ":") + "=" + h.Value[:min(len(h.Value), 20)]
		}
		if f.StreamEnded() {
			s += " end"
		}
		return s
	case *http2.DataFrame:
		s := fmt.Sprintf("data %d %d", id, len(f.Data()))
		if len(f.Data()) < 50 {
			s = fmt.Sprintf("data %d %s", id, f.Data())
		}
		if f.StreamEnded() {
			s += " end"
		}
		return s
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("reset %d %v", id, f.ErrCode)
	case *http2.SettingsFrame:
		return "" // not acknowledged: a server that waited for it would wait forever
	case *http2.PingFrame:
		if f.IsAck() {
			return "pong"
		}
		return "ping " + strings.TrimSpace(string(f.Data[:]))
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("window %d %d", id, f.Increment)
	case *http2.GoAwayFrame:
		return fmt.Sprintf("goaway %d %v %s", f.LastStreamID, f.ErrCode, f.DebugData())
	}
	return f.Header().Type.String()
}

// next waits for a frame that begins so, passing over others.
func (p *peer) next(want string) string {
	p.t.Helper()
	var seen []string
	for timeout := time.After(patience); ; {
		select {
		case got, ok := <-p.frames:
			if !ok {
				p.t.Fatalf("the connection ended, want %q; before it %q", want, seen)
			}
			if strings.HasPrefix(got, want) {
				return got
			}
			if seen = append(seen, got); len(seen) > 10 {
				seen = seen[1:]
			}
		case <-timeout:
			p.t.Fatalf("no %q; came %q", want, seen)
		}
	}
}

// end waits for the connection's end and returns the last frame.
func (p *peer) end() (last string) {
	p.t.Helper()
	select {
	case <-p.gone:
		return p.last
	case <-time.After(patience):
		p.t.Fatal("the connection does not end")
		return ""
	}
}

// encode is a block of header fields, as name, value, name, value …
func (p *peer) encode(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(p.block.Bytes())
}

// begin sends a request's headers.
func (p *peer) begin(id uint32, path string, end bool, more ...string) bool {
	return p.headers(id, end, append([]string{":method", "POST", ":scheme", "http", ":authority", "a", ":path", path}, more...)...)
}

func (p *peer) headers(id uint32, end bool, fields ...string) bool {
	block := p.encode(fields...)
	return p.do(func(w *http2.Framer) error {
		return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: end, EndHeaders: true})
	})
}

func (p *peer) data(id uint32, end bool, b []byte) bool {
	return p.do(func(w *http2.Framer) error { return w.WriteData(id, end, b) })
}

// works makes a call and looks at its answer.
func (p *peer) works(id uint32) {
	p.t.Helper()
	p.begin(id, "/", false)
	p.data(id, true, []byte("abc"))
	p.next(fmt.Sprintf("headers %d status=200", id))
	p.next(fmt.Sprintf("data %d 3 bytes", id))
	p.next(fmt.Sprintf("headers %d kind=trailer end", id))
}

// dialRaw connects, and says nothing.
func dialRaw(r *rig) net.Conn {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	return nc
}
