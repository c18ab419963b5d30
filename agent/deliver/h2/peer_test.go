package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is a server that does what a test tells it to. It reads all that comes,
// and checks that it is HTTP/2 within the limits which it has set.
type peer struct {
	t      testing.TB
	nc     net.Conn
	framer *http2.Framer

	writing sync.Mutex
	encoder *hpack.Encoder
	block   bytes.Buffer

	frames chan string   // what came, in words
	gone   chan struct{} // closed when reading ended
	deaf   atomic.Bool   // reads one more frame, and then no more
	closed chan struct{}

	mu     sync.Mutex
	bodies map[uint32]*bytes.Buffer
	window int // what it has granted on the connection and not received yet
	stream map[uint32]int
	first  int // a new stream's window
}

// newPeer makes a peer and the other end of its connection.
func newPeer(t testing.TB, settings ...http2.Setting) (*peer, net.Conn) {
	ours, theirs := net.Pipe()
	p := &peer{
		t: t, nc: theirs, framer: http2.NewFramer(theirs, theirs), frames: make(chan string, 10_000),
		gone: make(chan struct{}), closed: make(chan struct{}), bodies: map[uint32]*bytes.Buffer{}, window: firstWindow,
		stream: map[uint32]int{}, first: firstWindow,
	}
	p.encoder = hpack.NewEncoder(&p.block)
	p.framer.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	for _, s := range settings {
		switch s.ID {
		case http2.SettingInitialWindowSize:
			p.first = int(s.Val)
		case http2.SettingMaxFrameSize:
			p.framer.SetMaxReadFrameSize(s.Val)
		}
	}
	p.writing.Lock() // until the settings are written
	go p.read(settings)
	t.Cleanup(p.close)
	return p, ours
}

func (p *peer) close() {
	if p.nc.Close(); !p.isClosed() {
		close(p.closed)
	}
}

func (p *peer) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *peer) read(settings []http2.Setting) {
	defer close(p.gone)
	defer close(p.frames)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(p.nc, preface); err != nil {
		p.writing.Unlock()
		return
	}
	if string(preface) != http2.ClientPreface {
		p.t.Errorf("preface %q", preface)
	}
	go func() {
		_ = p.framer.WriteSettings(settings...)
		p.writing.Unlock()
	}()
	for {
		if p.deaf.Load() {
			<-p.closed
		}
		f, err := p.framer.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				p.frames <- "error " + err.Error()
			}
			return
		}
		p.frames <- p.words(f)
	}
}

// words says what a frame is, and keeps account of windows.
func (p *peer) words(f http2.Frame) string {
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		p.mu.Lock()
		p.bodies[id] = &bytes.Buffer{}
		p.stream[id] = p.first
		p.mu.Unlock()
		if f.StreamEnded() {
			return fmt.Sprintf("headers %d end", id)
		}
		return fmt.Sprintf("headers %d", id)
	case *http2.DataFrame:
		p.mu.Lock()
		p.bodies[id].Write(f.Data())
		p.window -= int(f.Length)
		p.stream[id] -= int(f.Length)
		if p.window < 0 || p.stream[id] < 0 {
			p.t.Errorf("windows are overrun: %d, %d", p.window, p.stream[id])
		}
		p.mu.Unlock()
		if f.StreamEnded() {
			return fmt.Sprintf("data %d end", id)
		}
		return fmt.Sprintf("data %d", id)
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("reset %d %v", id, f.ErrCode)
	case *http2.SettingsFrame:
		if f.IsAck() {
			return "settings ack"
		}
		return "settings"
	case *http2.PingFrame:
		if f.IsAck() {
			return "ping ack " + string(f.Data[:])
		}
		return "ping"
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("window %d %d", id, f.Increment)
	}
	return f.Header().Type.String()
}

// write writes, when nobody else does.
func (p *peer) write(w func() error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_ = w() // the test may have closed the connection
}

// next waits for a frame that begins so, passing over acknowledgements and
// whatever is named in skip.
func (p *peer) next(want string, skip ...string) string {
	p.t.Helper()
	skip = append(skip, "settings")
	for got := range p.frames {
		if strings.HasPrefix(got, want) {
			return got
		}
		ok := false
		for _, s := range skip {
			ok = ok || strings.HasPrefix(got, s)
		}
		if !ok {
			p.t.Errorf("got %q, want %q", got, want)
			return got
		}
	}
	p.t.Errorf("the connection ended, want %q", want)
	return ""
}

// body is what has come of a call's body.
func (p *peer) body(id uint32) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodies[id] == nil {
		return nil // it did not come; next has said so
	}
	return p.bodies[id].Bytes()
}

// call waits for a whole call and returns its body.
func (p *peer) call(id uint32) []byte {
	p.t.Helper()
	p.next(fmt.Sprintf("headers %d", id), "data", "ping ack")
	p.next(fmt.Sprintf("data %d end", id), "data", "ping ack")
	return p.body(id)
}

func (p *peer) grant(id uint32, n int) {
	p.mu.Lock()
	if id == 0 {
		p.window += n
	} else {
		p.stream[id] += n
	}
	p.mu.Unlock()
	p.write(func() error { return p.framer.WriteWindowUpdate(id, uint32(n)) })
}

func (p *peer) headers(id uint32, end bool, fields ...string) {
	p.write(func() error {
		p.block.Reset()
		for i := 0; i < len(fields); i += 2 {
			_ = p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return p.framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: p.block.Bytes(), EndStream: end, EndHeaders: true,
		})
	})
}

func (p *peer) data(id uint32, end bool, b string) {
	p.write(func() error { return p.framer.WriteData(id, end, []byte(b)) })
}

// answer answers a call.
func (p *peer) answer(id uint32, body string) {
	p.headers(id, false, ":status", "200", "kind", "header")
	p.data(id, false, body)
	p.headers(id, true, "kind", "trailer")
}

// rig is a client with peers.
type rig struct {
	*Client
	mu    sync.Mutex
	peers []net.Conn // the client's ends, to be given out
	dials int
}

func newRig(t testing.TB, ends ...net.Conn) *rig {
	r := &rig{peers: ends}
	r.Client = NewClient(func(context.Context, string) (net.Conn, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dials++
		if len(r.peers) == 0 {
			return nil, fmt.Errorf("nobody there")
		}
		nc := r.peers[0]
		r.peers = r.peers[1:]
		return nc, nil
	})
	t.Cleanup(r.Close)
	return r
}

// result is what came of a call.
type result struct {
	resp *Response
	err  error
}

var someHeader = []hpack.HeaderField{
	{Name: ":method", Value: "POST"},
	{Name: ":scheme", Value: "http"},
	{Name: ":authority", Value: "a"},
	{Name: ":path", Value: "/p"},
}

// begin makes a call with a body of these chunks.
func (r *rig) begin(ctx context.Context, chunks ...[]byte) <-chan result {
	out := make(chan result, 1)
	go func() {
		resp, err := r.Do(ctx, "a", Request{Header: someHeader, Body: chunks})
		out <- result{resp, err}
	}()
	return out
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pattern is a body that shows when bytes are lost or change places.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}
