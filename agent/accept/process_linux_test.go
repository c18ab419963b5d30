//go:build !portable

package accept

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

// Who has connected to a Unix socket is known, over HTTP/1 and HTTP/2, and of
// nobody else.
func TestProcessOfAUnixSocket(t *testing.T) {
	self := Process{Known: true, PID: os.Getpid(), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for address, want := range map[string]Process{"unix:" + filepath.Join(t.TempDir(), "s"): self, "127.0.0.1:0": {}} {
		s := serve(t, address, Options{})
		if st, _ := s.call(bytes.NewReader(framed(false, request(3, 1))), nil); st.Code != grpc.OK {
			t.Fatal(st)
		}
		if got := *s.process.Load(); got != want {
			t.Errorf("%s, HTTP/2: %+v, want %+v", address, got, want)
		}
		s.process.Store(nil)
		if status, _, body := s.post(bytes.NewReader(request(3, 1)), "Content-Type", "application/x-protobuf"); status != 200 {
			t.Fatal(status, body)
		}
		if got := *s.process.Load(); got != want {
			t.Errorf("%s, HTTP/1: %+v, want %+v", address, got, want)
		}
	}
}
