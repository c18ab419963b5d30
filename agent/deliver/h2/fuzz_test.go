package h2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzPeer is a server that sends anything after its settings and closes.
func FuzzPeer(f *testing.F) {
	record := func(write func(*http2.Framer)) []byte {
		var b bytes.Buffer
		write(http2.NewFramer(&b, nil))
		return b.Bytes()
	}
	block := func(fields ...string) []byte {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for i := 0; i < len(fields); i += 2 {
			_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return b.Bytes()
	}
	f.Add(record(func(w *http2.Framer) {
		_ = w.WriteWindowUpdate(1, 100_000)
		_ = w.WriteWindowUpdate(0, 100_000)
		_ = w.WriteSettingsAck()
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(":status", "200", "content-type", "application/grpc"), EndHeaders: true})
		_ = w.WriteData(1, false, []byte("\x00\x00\x00\x00\x00"))
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block("grpc-status", "0"), EndHeaders: true, EndStream: true})
	}))
	f.Add(record(func(w *http2.Framer) {
		_ = w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
		_ = w.WritePing(false, [8]byte{1})
		_ = w.WriteGoAway(1, http2.ErrCodeNo, []byte("bye"))
		_ = w.WriteDataPadded(1, true, []byte("x"), make([]byte, 9))
	}))
	f.Add(record(func(w *http2.Framer) {
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x88")})
		_ = w.WriteContinuation(1, true, block("a", "b"))
		_ = w.WriteRSTStream(1, http2.ErrCodeRefusedStream)
		_ = w.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2})
	}))
	body := pattern(100_000)
	f.Fuzz(func(t *testing.T, input []byte) {
		ours, theirs := net.Pipe()
		dialled := false
		c := NewClient(func(context.Context, string) (net.Conn, error) {
			if dialled {
				return nil, errors.New("no more")
			}
			dialled = true
			return ours, nil
		})
		defer c.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		go func() {
			w := http2.NewFramer(theirs, nil)
			_ = w.WriteSettings()
			_, _ = theirs.Write(input)
			theirs.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		resp, err := c.Do(ctx, "a", Request{Header: someHeader, Body: [][]byte{body}})
		if ctx.Err() != nil {
			t.Error("the call did not end with the connection")
		}
		if (resp == nil) == (err == nil) || resp != nil && (resp.Status < 200 || resp.Status > 999 || len(resp.Body) > maxBody) {
			t.Errorf("%+v, %v", resp, err)
		}
	})
}
