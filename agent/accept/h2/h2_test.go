package h2

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func prior() *http.Transport {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &p}
}

// post makes a call as Go's client does.
func (r *rig) post(transport *http.Transport, path string, body io.Reader) (status int, answer, trailer string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.address+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Error(err)
		return 0, "", ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Error(err)
	}
	return res.StatusCode, string(b), res.Trailer.Get("Kind")
}

// Bodies of all sizes, many at once on one connection, with and without a
// length that was said before.
func TestGoClient(t *testing.T) {
	r := listen(t, patient())
	transport := prior()
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			for _, size := range []int{0, 1, frameSize - 1, frameSize + 1, window, 3*window + 7} {
				body := pattern(size + i)
				var sum byte
				for _, b := range body {
					sum += b
				}
				var in io.Reader = bytes.NewReader(body)
				if i%2 == 0 {
					in = io.MultiReader(in)
				}
				status, answer, trailer := r.post(transport, "/", in)
				if want := fmt.Sprintf("%d bytes, sum %d", len(body), sum); status != 200 || answer != want || trailer != "trailer" {
					t.Errorf("%d %q %q, want %q", status, answer, trailer, want)
				}
			}
		})
	}
	wg.Wait()
	if n := r.largest.Load(); n > maxStreams {
		t.Errorf("%d calls were open at once", n)
	}
	if status, answer, _ := r.post(transport, "/long", nil); status != 200 || answer != string(pattern(100_000)) {
		t.Errorf("a long answer: %d, %d bytes", status, len(answer))
	}
	if status, _, _ := r.post(transport, "/headers", nil); status != 200 {
		t.Errorf("long headers: %d", status)
	}
	// An answer before all is sent.
	if status, answer, _ := r.post(transport, "/no", bytes.NewReader(make([]byte, 10<<20))); status != 200 || !strings.Contains(answer, "bytes") {
		t.Errorf("what is not wanted: %d %q", status, answer)
	}
}

// The windows are not given back in the midst of a body whose rest has room in
// them: each time costs a write here and a wake-up there.
func TestWindowsWithTheAnswer(t *testing.T) {
	r := listen(t, patient())
	p := r.dial()
	p.next(fmt.Sprintf("window 0 %d", window-firstWindow))
	began := func(p *peer, id uint32, frames, rest int) {
		p.begin(id, "/", false, "content-length", strconv.Itoa(frames*frameSize+rest))
		for range frames {
			p.data(id, false, make([]byte, frameSize))
		}
		p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
	}
	const most = window * 3 / 4 / frameSize
	began(p, 1, most, 100)
	if got := p.next(""); got != "pong" {
		t.Errorf("%q came in the midst of a body that fits", got)
	}
	p.data(1, true, make([]byte, 100))
	if got, want := p.next(""), fmt.Sprintf("window 0 %d", most*frameSize+100); got != want {
		t.Errorf("then %q, want %q", got, want)
	}
	p.next("headers 1 status=200")
	p.next("headers 1 kind=trailer")

	// One that does not fit goes on, and so do two beside each other.
	began(p, 3, window/frameSize, window)
	p.next("window 0 ")
	p.next("window 3 ")
	p.do(func(w *http2.Framer) error { return w.WriteRSTStream(3, http2.ErrCodeCancel) })
	p = r.dial()
	p.begin(1, "/", false)
	began(p, 3, window/2/frameSize, 100)
	p.next(fmt.Sprintf("window 0 %d", window/2))
}

// A body is waited for whole only if the peer may send all of it: by the window of
// the stream, too. Each is given back by itself, so that either may be the smaller.
func TestMissingFitsBothWindows(t *testing.T) {
	for _, c := range []struct {
		rest, ofConn, ofStream int
		fits                   bool
	}{
		{window, 0, 0, true},
		{window, 1, 0, false},
		{window, 0, 112 << 10, false}, // the connection's was given back just now
		{window - 112<<10, 0, 112 << 10, true},
		{window - 100<<10, 100 << 10, 50 << 10, true},
		{window - 100<<10 + 1, 100 << 10, 50 << 10, false},
	} {
		s := &stream{length: int64(c.rest) + 1000, received: 1000, owed: c.ofStream}
		conn := &conn{owed: c.ofConn, streams: map[uint32]*stream{1: s}}
		if more, fits := conn.missing(); more != c.rest || fits != c.fits {
			t.Errorf("%+v: %d are missing, fits %v", c, more, fits)
		}
		conn.streams[3] = &stream{}
		if more, _ := conn.missing(); more != 0 {
			t.Errorf("%+v: %d are waited for beside another", c, more)
		}
	}
}

// What a peer may do that few do.
func TestOddButRight(t *testing.T) {
	r := listen(t, patient())
	p := r.dial()
	// Two bodies in turns, padded, with empty DATA and priorities between, and
	// headers in pieces; one ends with an empty DATA, one with trailers.
	block := p.encode(":method", "POST", ":scheme", "http", ":path", "/")
	p.do(func(w *http2.Framer) error {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1], PadLength: 3, Priority: http2.PriorityParam{Weight: 3}})
		_ = w.WriteContinuation(1, false, nil)
		return w.WriteContinuation(1, true, block[1:])
	})
	p.begin(3, "/", false)
	p.data(1, false, []byte("a"))
	p.do(func(w *http2.Framer) error { return w.WriteDataPadded(3, false, []byte("bb"), make([]byte, 200)) })
	p.do(func(w *http2.Framer) error { return w.WritePriority(3, http2.PriorityParam{StreamDep: 1}) })
	p.data(1, false, nil)
	p.do(func(w *http2.Framer) error { return w.WriteRawFrame(0x20, 0, 3, []byte("of an unknown type")) })
	p.data(1, false, []byte("c"))
	p.data(3, false, []byte("d"))
	p.headers(3, true, "some", "trailer")
	p.next("headers 3 status=200")
	p.next("data 3 3 bytes")
	p.data(1, true, nil)
	p.next("data 1 2 bytes")
	p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{1}) })
	p.next("pong")
	// Who asks whether to go on is told to.
	p.begin(5, "/", false, "expect", "100-continue")
	p.next("headers 5 status=100")
	p.data(5, true, []byte("x"))
	p.next("headers 5 status=200")
	// HEAD and CONNECT.
	p.headers(7, true, ":method", "HEAD", ":scheme", "http", ":path", "/")
	p.next("headers 7 status=200 kind=header")
	p.next("headers 7 kind=trailer end")
	p.headers(9, true, ":method", "CONNECT", ":authority", "a")
	p.next("headers 9 status=200")
	// A request of one who resets it is forgotten.
	p.begin(11, "/", false)
	p.do(func(w *http2.Framer) error { return w.WriteRSTStream(11, http2.ErrCodeCancel) })
	p.works(13)
	if n := r.gone.Load(); n != 1 {
		t.Errorf("%d requests were cut off", n)
	}
}

// Answers go no further than the peer's windows.
func TestWindowsOfAnswers(t *testing.T) {
	r := listen(t, patient())
	p := r.dial()
	set := func(n uint32) {
		p.do(func(w *http2.Framer) error {
			return w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: n}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		})
	}
	set(0)
	p.begin(1, "/", true)
	p.begin(3, "/", true)
	p.next("headers 1 status=200")
	p.next("headers 3 status=200")
	p.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(3, 2) })
	p.next("data 3 0 ")
	set(1)
	p.next("data ")
	set(1000)
	p.next("headers ")
	set(100_000)
	p.begin(5, "/long", true)
	sent := 0
	for sent < 65_535-40 {
		var id, n int
		if got := p.next("data 5"); got != "" {
			_, _ = fmt.Sscanf(got, "data %d %d", &id, &n)
			sent += n
		}
	}
	p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
	p.next("pong") // not more DATA, of which next would have told
	p.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(0, 100_000) })
	for sent < 100_000 {
		var id, n int
		_, _ = fmt.Sscanf(p.next("data 5"), "data %d %d", &id, &n)
		sent += n
	}
	p.works(7)
}

// One that waits holds up nobody, not on its own connection either.
func TestWaiting(t *testing.T) {
	r := listen(t, patient())
	r.wait = make(chan struct{})
	p := r.dial()
	for id := uint32(1); id < 2*(maxStreams-1); id += 2 {
		p.begin(id, "/wait", true)
	}
	p.works(201)
	p.begin(203, "/wait", true)
	p.begin(205, "/wait", true)
	p.next("reset 205 REFUSED_STREAM")
	// Reset, but still worked on: they count.
	p.do(func(w *http2.Framer) error { return w.WriteRSTStream(1, http2.ErrCodeCancel) })
	p.begin(207, "/", true)
	p.next("reset 207 REFUSED_STREAM")
	close(r.wait)
	for range maxStreams - 1 {
		p.next("data ")
	}
	p.works(209)
}

// A mistake of ours costs a call or a connection.
func TestPanics(t *testing.T) {
	r := listen(t, patient())
	p := r.dial()
	p.begin(1, "/wait-panic", true)
	p.next("reset 1 INTERNAL_ERROR")
	p.begin(3, "/nothing", true)
	p.next("reset 3 INTERNAL_ERROR")
	p.works(5)
	for _, path := range []string{"/panic", "/end-panic"} {
		p := r.dial()
		p.begin(1, "/wait", false)
		p.begin(3, path, true)
		if got := p.end(); !strings.HasPrefix(got, "goaway 3 INTERNAL_ERROR") {
			t.Errorf("%s: %q", path, got)
		}
	}
	r.dial().works(1)
}

// What is wrong is answered as the RFC has it. Most of it h2spec tries, too.
func TestWrong(t *testing.T) {
	r := listen(t, patient())
	long := strings.Repeat("v", 9000)
	for name, c := range map[string]struct {
		do   func(*peer)
		want string
	}{
		"capitals":              {func(p *peer) { p.begin(1, "/", true, "A", "b") }, "reset 1 PROTOCOL_ERROR"},
		"a line feed":           {func(p *peer) { p.begin(1, "/", true, "a", "b\nc") }, "reset 1 PROTOCOL_ERROR"},
		"a blank":               {func(p *peer) { p.begin(1, "/", true, "a", " b") }, "reset 1 PROTOCOL_ERROR"},
		"no path":               {func(p *peer) { p.begin(1, "", true) }, "reset 1 PROTOCOL_ERROR"},
		"two paths":             {func(p *peer) { p.begin(1, "/", true, ":path", "/") }, "reset 1 PROTOCOL_ERROR"},
		"a pseudo-header late":  {func(p *peer) { p.headers(1, true, "a", "b", ":method", "GET") }, "reset 1 PROTOCOL_ERROR"},
		"a connection's header": {func(p *peer) { p.begin(1, "/", true, "keep-alive", "1") }, "reset 1 PROTOCOL_ERROR"},
		"te":                    {func(p *peer) { p.begin(1, "/", true, "te", "gzip") }, "reset 1 PROTOCOL_ERROR"},
		"a length that is none": {func(p *peer) { p.begin(1, "/", true, "content-length", "x") }, "reset 1 PROTOCOL_ERROR"},
		"two lengths":           {func(p *peer) { p.begin(1, "/", false, "content-length", "1", "content-length", "2") }, "reset 1 PROTOCOL_ERROR"},
		"less than it said":     {func(p *peer) { p.begin(1, "/", false, "content-length", "5"); p.data(1, true, []byte("abc")) }, "reset 1 PROTOCOL_ERROR"},
		"more than it said":     {func(p *peer) { p.begin(1, "/", false, "content-length", "2"); p.data(1, false, []byte("abc")) }, "reset 1 PROTOCOL_ERROR"},
		"trailers without end":  {func(p *peer) { p.begin(1, "/", false); p.headers(1, false, "a", "b") }, "reset 1 PROTOCOL_ERROR"},
		"headers over 16 KiB":   {func(p *peer) { p.begin(1, "/", true, "a", long, "b", long) }, "headers 1 status=431 end"},
		"a header over 16 KiB":  {func(p *peer) { p.do(hugeString) }, "goaway 0 ENHANCE_YOUR_CALM"},
		"a table over 4 KiB":    {func(p *peer) { p.do(hugeTable) }, "goaway 0 COMPRESSION_ERROR"},
		"an even stream":        {func(p *peer) { p.begin(2, "/", true) }, "goaway 0 PROTOCOL_ERROR"},
		"a stream again":        {func(p *peer) { p.begin(1, "/", true); p.next("data 1"); p.begin(1, "/", true) }, "goaway 1 STREAM_CLOSED"},
		"a lower stream":        {func(p *peer) { p.begin(5, "/", true); p.begin(3, "/", true) }, "goaway 5 PROTOCOL_ERROR"},
		"DATA of nobody":        {func(p *peer) { p.data(1, true, nil) }, "goaway 0 PROTOCOL_ERROR"},
		"DATA after the end":    {func(p *peer) { p.begin(1, "/", true); p.next("headers 1 kind=tr"); p.data(1, true, nil) }, "reset 1 STREAM_CLOSED"},
		"RST_STREAM of nobody":  {func(p *peer) { p.do(func(w *http2.Framer) error { return w.WriteRSTStream(1, 8) }) }, "goaway 0 PROTOCOL_ERROR"},
		"a window over 2^31":    {func(p *peer) { p.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(0, maxWindow) }) }, "goaway 0 FLOW_CONTROL_ERROR"},
		"a stream's, too":       {overWindow, "reset 1 FLOW_CONTROL_ERROR"},
		"PUSH_PROMISE": {func(p *peer) {
			p.do(func(w *http2.Framer) error { return w.WriteRawFrame(5, 4, 1, []byte("\x00\x00\x00\x02")) })
		}, "goaway 0 PROTOCOL_ERROR"},
		"a frame over 16 KiB":    {func(p *peer) { p.begin(1, "/", false); p.data(1, false, make([]byte, frameSize+1)) }, "goaway 1 FRAME_SIZE_ERROR"},
		"SETTINGS of odd length": {func(p *peer) { p.do(func(w *http2.Framer) error { return w.WriteRawFrame(4, 0, 0, []byte("abc")) }) }, "goaway 0 FRAME_SIZE_ERROR"},
	} {
		p := r.dial()
		c.do(p)
		p.next(c.want)
		if t.Failed() {
			t.Fatal(name)
		}
		if !strings.HasPrefix(c.want, "goaway") {
			p.works(201) // only the stream ends
		}
	}
	// What is no HTTP/2 is closed.
	for _, first := range []string{"GET / HTTP/1.1\r\n\r\n            ", http2.ClientPreface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00a ping ."} {
		p := &peer{t: t, nc: dialRaw(r), frames: make(chan string, 100), gone: make(chan struct{})}
		go p.read()
		p.raw([]byte(first))
		if last := p.end(); !strings.HasPrefix(last, "goaway 0 PROTOCOL_ERROR") {
			t.Errorf("%q: %q", first, last)
		}
	}
}

func hugeString(w *http2.Framer) error {
	block := append([]byte{0x00, 0x01, 'a'}, hpack.AppendHuffmanString(nil, "")...)
	block = append(block, 0x7f, 0x81, 0xff, 0x01) // a string of 32 KiB
	return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: false})
}

func hugeTable(w *http2.Framer) error {
	return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x3f, 0xe2, 0x1f}, EndHeaders: true})
}

func overWindow(p *peer) {
	p.begin(1, "/", false)
	p.do(func(w *http2.Framer) error { return w.WriteWindowUpdate(1, maxWindow) })
}

// A connection is left in two steps; calls that have begun are answered.
func TestShutdown(t *testing.T) {
	r := listen(t, patient())
	idle, busy, fresh := r.dial(), r.dial(), dialRaw(r)
	defer fresh.Close()
	idle.works(1)
	busy.begin(1, "/", false)
	busy.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
	busy.next("pong")
	ended := make(chan struct{})
	go func() { r.stop(); close(ended) }()
	for _, p := range []*peer{idle, busy} {
		p.next("goaway 2147483647 NO_ERROR")
		p.next("ping drained")
	}
	busy.begin(3, "/", false) // was on its way
	for _, p := range []*peer{idle, busy} {
		p.do(func(w *http2.Framer) error { return w.WritePing(true, drained) })
	}
	if got := idle.end(); got != "goaway 1 NO_ERROR " {
		t.Errorf("idle: %q", got)
	}
	busy.next("goaway 3 NO_ERROR")
	busy.begin(5, "/", true) // is not
	busy.data(3, true, []byte("b"))
	busy.next("data 3 1 bytes")
	busy.data(1, true, []byte("a"))
	busy.next("data 1 1 bytes")
	if got := busy.end(); !strings.HasPrefix(got, "headers 1") {
		t.Errorf("busy: %q", got)
	}
	<-ended
}

// slowWrites are those of a connection that returns late from them.
type slowWrites struct{ net.Conn }

func (s slowWrites) Write(p []byte) (int, error) {
	defer time.Sleep(50 * time.Millisecond)
	return s.Conn.Write(p)
}

// A connection ended while another goroutine was writing, and what that had not
// come to was lost: answers, and the last GOAWAY.
func TestLastWordsAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := patient(), &echo{t: t}
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() { s.Serve(slowWrites{ours}, e.handle, nil); close(served) }()
		p := newPeer(t, theirs)
		p.works(1)
		time.Sleep(time.Second)    // it reads
		go s.Shutdown(t.Context()) // has a goroutine that writes
		p.next("ping drained")
		p.do(func(w *http2.Framer) error { return w.WritePing(true, drained) })
		if got := p.end(); got != "goaway 1 NO_ERROR " {
			t.Errorf("the last word was %q", got)
		}
		<-served
	})
}

// A call that does not end is cut off at last.
func TestShutdownHasAnEnd(t *testing.T) {
	r := listen(t, patient())
	p := r.dial()
	p.begin(1, "/", false)
	p.do(func(w *http2.Framer) error { return w.WritePing(false, [8]byte{}) })
	p.next("pong")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r.Shutdown(ctx)
	if r.gone.Load() != 1 {
		t.Error("the call was not cut off")
	}
}
