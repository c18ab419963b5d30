package h2

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzConn is a client that sends anything after its preface and closes. The
// connection ends, each receiver is ended once, and no call is open too many.
func FuzzConn(f *testing.F) {
	record := func(write func(*http2.Framer)) {
		var b bytes.Buffer
		w := http2.NewFramer(&b, nil)
		w.AllowIllegalWrites = true
		_ = w.WriteSettings()
		write(w)
		f.Add(b.Bytes())
	}
	block := func(fields ...string) []byte {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for i := 0; i < len(fields); i += 2 {
			_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return b.Bytes()
	}
	get := func(path string, more ...string) []byte {
		return block(append([]string{":method", "POST", ":scheme", "http", ":path", path}, more...)...)
	}
	record(func(w *http2.Framer) {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: get("/"), EndHeaders: true})
		_ = w.WriteData(1, false, []byte("abc"))
		_ = w.WriteDataPadded(1, true, []byte("abc"), make([]byte, 9))
		_ = w.WritePing(false, [8]byte{1})
		_ = w.WriteGoAway(1, http2.ErrCodeNo, []byte("bye"))
	})
	record(func(w *http2.Framer) {
		_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: get("/long"), EndHeaders: true, EndStream: true})
		_ = w.WriteWindowUpdate(1, 100_000)
		_ = w.WriteWindowUpdate(0, 100_000)
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: get("/no", "content-length", "3", "expect", "100-continue"), EndHeaders: true})
		_ = w.WriteData(3, false, []byte("abc"))
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block("some", "trailer"), EndHeaders: true, EndStream: true})
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: get("/wait"), EndHeaders: true, EndStream: true})
		_ = w.WriteRSTStream(5, http2.ErrCodeCancel)
	})
	record(func(w *http2.Framer) {
		b := get("/headers")
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:2], Priority: http2.PriorityParam{StreamDep: 1}})
		_ = w.WriteContinuation(1, false, b[2:4])
		_ = w.WriteContinuation(1, true, b[4:])
		_ = w.WritePriority(3, http2.PriorityParam{StreamDep: 3})
		_ = w.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2})
	})
	f.Fuzz(func(t *testing.T, input []byte) {
		mine, theirs := net.Pipe()
		e := &echo{t: t, wait: make(chan struct{})}
		close(e.wait)
		s := patient()
		done := make(chan struct{})
		go func() { s.Serve(theirs, e.handle, nil); close(done) }()
		go func() { _, _ = io.Copy(io.Discard, mine) }()
		_, _ = io.WriteString(mine, http2.ClientPreface)
		_, _ = mine.Write(input)
		mine.Close()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
		if n := e.open.Load(); n != 0 {
			t.Errorf("%d receivers were not ended", n)
		}
		if n := e.largest.Load(); n > maxStreams {
			t.Errorf("%d calls were open", n)
		}
	})
}
