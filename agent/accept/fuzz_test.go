package accept

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// FuzzPeer is a peer of a listener that sends anything and closes, whichever
// HTTP it speaks. A good request on another connection, begun before and ended
// after it, is answered, and nothing stays reserved.
func FuzzPeer(f *testing.F) {
	f.Add([]byte("POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte(http2.ClientPreface[:20]))
	for _, compressed := range []bool{false, true} {
		msg := request(3, 10)
		if compressed {
			msg = gzipped(msg)
		}
		var b, block bytes.Buffer
		e := hpack.NewEncoder(&block)
		for _, f := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"},
			{Name: ":scheme", Value: "http"},
			{Name: ":path", Value: grpc.TracePath},
			{Name: "content-type", Value: grpc.ContentType},
			{Name: "te", Value: "trailers"},
			{Name: "grpc-encoding", Value: "gzip"},
		} {
			_ = e.WriteField(f)
		}
		b.WriteString(http2.ClientPreface)
		w := http2.NewFramer(&b, nil)
		_ = w.WriteSettings()
		_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		body := framed(compressed, msg)
		_ = w.WriteData(1, false, body[:40])
		_ = w.WriteDataPadded(1, true, body[40:], make([]byte, 9))
		f.Add(b.Bytes())
	}
	good := framed(false, request(2, 10))
	f.Fuzz(func(t *testing.T, input []byte) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		o := NewServer(func(Origin) Lane { return countingLane{} }, nil, slog.New(slog.DiscardHandler))
		l := o.on(p, "pipe", "otlp.grpc", false)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()

		var prior http.Protocols
		prior.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &prior, DialContext: p.dial}
		body, more := io.Pipe()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://pipe"+grpc.TracePath, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", grpc.ContentType)
		status := make(chan string, 1)
		go func() {
			res, err := transport.RoundTrip(r)
			if err != nil {
				status <- err.Error()
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			status <- res.Trailer.Get("Grpc-Status")
		}()
		_, _ = more.Write(good[:10])

		peer, _ := p.dial(ctx, "", "")
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		_ = peer.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, _ = peer.Write(input)
		peer.Close()

		_, _ = more.Write(good[10:])
		more.Close()
		if got := <-status; got != "0" {
			t.Errorf("the good request: %s", got)
		}
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n, m, z := o.budget.large.Load()+o.budget.small.Load(), o.budget.requests.Load(), o.budget.unpacking.Load(); n != 0 || m != 0 || z != 0 {
			t.Errorf("%d bytes of %d requests are still reserved, %d are being unpacked", n, m, z)
		}
		if n := len(o.conns.open); n != 0 {
			t.Errorf("%d connections are still open", n)
		}
	})
}
