package deliver

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

func unzstd(t *testing.T, packed []byte) []byte {
	t.Helper()
	// What a receiver takes that keeps little: the window is 256 KiB.
	d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderMaxWindow(256<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	out, err := io.ReadAll(d)
	if err != nil {
		t.Error(err)
	}
	return out
}

// The same compressor makes one good frame after another, of any size.
func TestZstdIsReused(t *testing.T) {
	c := newCompressor(Zstd)
	for _, n := range []int{1000, 0, 1, 30_000, 30} {
		want := frame(0, n)
		out := c.compress([][]byte{want[:len(want)/3], want[len(want)/3:]})
		if out.Len() == 0 || out.Len() > len(want)/2+50 {
			t.Errorf("%d bytes of %d", out.Len(), len(want))
		}
		if got := unzstd(t, out.Bytes()); !bytes.Equal(got, want) {
			t.Errorf("%d spans: %d bytes came out, want %d", n, len(got), len(want))
		}
		c.release(out)
	}
}

func TestZstdOnTheWire(t *testing.T) {
	want := append(frame(0, 10), frame(10, 30)...)
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		msg, compressed, err := grpc.ReadMessage(body)
		if err != nil || !compressed || r.Header.Get("Grpc-Encoding") != "zstd" || r.Header.Get("Grpc-Accept-Encoding") != "identity,gzip,zstd" {
			t.Errorf("%v, compressed %v, %q", err, compressed, r.Header)
		}
		if got := unzstd(t, msg); !bytes.Equal(got, want) {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
		reply(w, grpc.PartialSuccess{})
	})
	if a := export(t, TransportOptions{Compression: Zstd}, address); a.Verdict != Taken || a.Err != nil {
		t.Errorf("%+v", a)
	}
	endpoint := startHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := unzstd(t, body); !bytes.Equal(got, want) || r.Header.Get("Content-Encoding") != "zstd" {
			t.Errorf("%d bytes, want %d; %q", len(got), len(want), r.Header)
		}
	})
	if a := post(t, TransportOptions{Compression: Zstd}, endpoint); a.Verdict != Taken || a.Err != nil {
		t.Errorf("%+v", a)
	}
}

// grpc-go answers zstd with zstd if it has something to say: spans that were
// rejected counted as delivered, since that was not read.
func TestPartialSuccessInZstdIsRead(t *testing.T) {
	for _, packed := range []bool{true, false} {
		address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			msg := []byte("it is not zstd")
			if packed {
				c := newCompressor(Zstd)
				msg = c.compress([][]byte{grpc.AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 3, Message: strings.Repeat("no room, ", 20)})}).Bytes()
			}
			w.Header().Set("Content-Type", grpc.ContentType)
			w.Header().Set("Grpc-Encoding", "zstd")
			_, _ = w.Write(append(grpc.AppendPrefix(nil, true, len(msg)), msg...))
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		})
		a := export(t, TransportOptions{Compression: Zstd}, address)
		rejected, said := int64(3), "3 spans rejected: no room, no room"
		if !packed {
			rejected, said = 0, "perhaps not all of it"
		}
		if a.Verdict != Taken || a.Rejected != rejected || a.Err == nil || !strings.Contains(a.Err.Error(), said) {
			t.Errorf("packed %v: %+v", packed, a)
		}
	}
}
