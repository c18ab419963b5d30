package h2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Many calls at once on one connection to net/http's server, some of them
// given up: each that is not has its own answer.
func TestManyCallsOverLoopback(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for buf := make([]byte, 5000); ; {
			m, err := r.Body.Read(buf)
			if !bytes.Equal(buf[:m], wholePattern[n:n+m]) {
				t.Errorf("body is wrong between %d and %d", n, n+m)
			}
			if n += m; err != nil {
				break
			}
		}
		w.Header().Set(http.TrailerPrefix+"Length", strconv.Itoa(n))
		_, _ = io.WriteString(w, "got it")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()

	dials := 0
	c := NewClient(func(ctx context.Context, address string) (net.Conn, error) {
		dials++ // one at a time
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	defer c.Close()
	var wg sync.WaitGroup
	for seed := range uint64(16) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for range 15 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				givenUp := random.IntN(5) == 0
				if givenUp {
					time.AfterFunc(time.Duration(random.IntN(3000))*time.Microsecond, cancel)
				}
				n := random.IntN(300_000)
				cut := random.IntN(n + 1)
				body := bytes.Clone(wholePattern[:n])
				resp, err := c.Do(ctx, s.Listener.Addr().String(), Request{Header: someHeader, Body: [][]byte{body[:cut], body[cut:]}})
				clear(body) // the race detector sees whoever still reads it
				switch {
				case err == nil && (resp.Status != 200 || string(resp.Body) != "got it" || resp.Trailer.Get("length") != strconv.Itoa(n)):
					t.Errorf("%d bytes: %+v", n, resp)
				case err != nil && !errors.Is(err, context.Canceled):
					t.Errorf("%d bytes: %v", n, err)
				case err != nil && !givenUp:
					t.Errorf("%d bytes: %v", n, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if dials > 5 {
		t.Errorf("%d connections", dials) // one, and one more for each write that was interrupted
	}
}

var wholePattern = pattern(300_000)
