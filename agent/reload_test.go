package agent

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// arrivals are the ids of the spans that any of several collectors got.
type arrivals struct {
	mu  sync.Mutex
	ids map[uint64]int // how often
}

func (a *arrivals) add(request []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s := range otlp.Spans(request) {
		a.ids[binary.BigEndian.Uint64(s.SpanID[:])]++
	}
}

// grpc is a collector that takes OTLP over gRPC, http one that takes it over HTTP.
func (a *arrivals) grpc(t *testing.T) (endpoint string) {
	return a.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		a.add(unpack(t, body[grpc.PrefixLen:], body[0] == 1))
		w.Header().Set("Content-Type", grpc.ContentType)
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(make([]byte, grpc.PrefixLen))
		w.Header().Set("Grpc-Status", "0")
	}).Listener.Addr().String()
}

func (a *arrivals) http(t *testing.T) (endpoint string) {
	return a.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		a.add(unpack(t, body, r.Header.Get("Content-Encoding") == "gzip"))
		w.Header().Set("Content-Type", "application/x-protobuf")
	}).URL
}

func (a *arrivals) serve(t *testing.T, answer func(http.ResponseWriter, *http.Request, []byte)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the agent has not been told that it arrived
		}
		answer(w, r, body)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func unpack(t *testing.T, body []byte, packed bool) []byte {
	if !packed {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		body, err = io.ReadAll(z)
	}
	if err != nil {
		t.Error(err)
	}
	return body
}

// A sender sends one span after another, each with an id of its own, until it is
// stopped.
type sender struct {
	t    *testing.T
	next uint64        // id of the next span
	sent atomic.Uint64 // spans that were sent, or acknowledged where there is an answer
	stop func()
}

func newSender(t *testing.T, ids uint64, send func(id uint64) bool) *sender {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &sender{t: t, next: ids}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pace := time.NewTicker(2 * time.Millisecond) // leaves the machine to others
		defer pace.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
				if send(s.next) {
					s.sent.Add(1)
				}
				s.next++
			}
		}
	}()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(s.stop)
	return s
}

// goesOn waits until the sender has got some spans further.
func (s *sender) goesOn() {
	s.t.Helper()
	for from, end := s.sent.Load(), time.Now().Add(20*time.Second); s.sent.Load() < from+20; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("a sender gets no further")
		}
	}
}

// byUDP sends datagrams from one socket to one socket.
func byUDP(t *testing.T, address string, ids uint64) *sender {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newSender(t, ids, func(id uint64) bool {
		b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
		b.Spans = []jaegerthrift.Span{{TraceIDLow: 1, SpanID: id, OperationName: "udp"}}
		if _, err := conn.Write(jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b)); err != nil {
			t.Errorf("the socket at %s is gone: %v", address, err)
		}
		return true
	})
}

// byGRPC sends requests over connections to one address, and counts those.
func byGRPC(t *testing.T, address string, ids uint64) (s *sender, dials *atomic.Int64) {
	t.Helper()
	dials = new(atomic.Int64)
	var prior http.Protocols
	prior.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &prior, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return newSender(t, ids, func(id uint64) bool {
		var b otlp.Builder
		rs := b.Open(otlp.RequestResourceSpans, 0)
		ss := b.Open(otlp.ResourceSpansScopeSpans, 0)
		m := b.Open(otlp.ScopeSpansSpans, 0)
		b.TraceID(otlp.SpanTraceID, 0, 1)
		b.SpanID(otlp.SpanSpanID, id)
		b.Close(m)
		b.Close(ss)
		b.Close(rs)
		body := append(grpc.AppendPrefix(nil, false, b.Len()), b.Bytes()...)
		req, err := http.NewRequest(http.MethodPost, "http://"+address+grpc.TracePath, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return false
		}
		req.Header.Set("Content-Type", grpc.ContentType)
		res, err := transport.RoundTrip(req)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.Header.Get("Grpc-Status")+res.Trailer.Get("Grpc-Status") == "0"
	}), dials
}

// socket is the address of a UDP socket by its key.
func (r *running) socket(source string) string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sockets {
		if s.wish.source == source {
			return s.Address()
		}
	}
	r.t.Fatalf("nothing listens for %s", source)
	return ""
}

// certificate writes one that signs itself.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, kind string, b []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return put("cert.pem", "CERTIFICATE", der), put("key.pem", "PRIVATE KEY", keyDER)
}

// One reload after the other changes everything that can be changed, while spans
// come by a socket and by a connection that are in every configuration. Neither
// is touched, and every span arrives or is counted.
func TestReloadsLoseNothing(t *testing.T) {
	got := &arrivals{ids: map[uint64]int{}}
	first, second, web := got.grpc(t), got.grpc(t), got.http(t)
	cert, key := certificate(t)
	const stays = "accept: {jaeger: {compact: 127.0.0.1:0, binary: ''}, otlp: {grpc: 127.0.0.1:0, http: ''}}\n"
	const more = "accept: {jaeger: {compact: 127.0.0.1:0, binary: 127.0.0.1:0}, otlp: {grpc: 127.0.0.1:0, http: 127.0.0.1:0}}\n"

	r := run(t, first, stays)
	address := r.listener("otlp.grpc")
	udp := byUDP(t, r.socket("jaeger.compact"), 1<<40)
	kept, dials := byGRPC(t, address, 2<<40)
	kept.goesOn()

	reload := func(what, text string) {
		t.Helper()
		t.Log(what)
		restart, err := r.Reload(r.load(text))
		if err != nil || restart != nil {
			t.Errorf("%s: %v, %v", what, restart, err)
		}
		udp.goesOn()
		kept.goesOn()
		r.check()
	}
	deliver := func(endpoint, more string) string {
		return "admin: {http: 127.0.0.1:0}\ncontrol: {http: 127.0.0.1:0}\ndeliver: {endpoint: '" + endpoint + "', batch: {age: 20ms}, timeout: 20s" + more + "}\n"
	}
	reload("listeners are added", more+deliver(first, ""))
	binary := byUDP(t, r.socket("jaeger.binary"), 3<<40)
	leaving, _ := byGRPC(t, r.listener("otlp.http"), 4<<40)
	binary.goesOn()
	leaving.goesOn()
	reload("another endpoint", more+deliver(second, ""))
	reload("not compressed", more+deliver(second, ", compression: none"))
	reload("another protocol", more+deliver(web, ", protocol: otlp-http"))
	reload("two endpoints", more+deliver(first+","+second, ", compression: none"))
	reload("more memory", more+deliver(first, "")+"buffer: {memory: 16MiB}")
	reload("less memory", more+deliver(first, "")+"buffer: {memory: 4MiB}")
	reload("other batches", more+deliver(first, ", compression: none")+"buffer: {memory: 2MiB, max_age: 1h}\ndrain_timeout: 20s")

	binary.stop() // what it sent is in the socket, and is read before that closes
	reload("listeners are removed", stays+deliver(first, ""))
	leaving.stop()

	reload("TLS", stays[:len(stays)-2]+", tls: {cert: "+cert+", key: "+key+"}}\n"+deliver(first, ""))
	if res, err := http.Get("http://" + address + "/"); err == nil {
		if res.Body.Close(); res.StatusCode != http.StatusBadRequest {
			t.Errorf("a new connection without TLS is answered %s", res.Status)
		}
	}
	reload("no TLS", stays+deliver(first, ""))

	// A collector that does not answer, while the configuration changes.
	away, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reload("a collector that is silent", stays+deliver(away.Addr().String(), ""))
	r.until("held", func(l ledger.Lane) bool { return l.Buffered > 50 })
	away.Close() // ends the calls that it has not answered
	reload("one that answers", stays+deliver(second, ""))

	// What can't be put in force changes nothing.
	gone := r.load(more + deliver(web, ", protocol: otlp-http"))
	gone.Accept.TLS.Cert, gone.Accept.TLS.Key = "/nowhere/c", "/nowhere/k"
	if _, err := r.Reload(gone); err == nil {
		t.Error("a certificate that is not there was loaded")
	}
	taken := r.load(stays + deliver(web, ", protocol: otlp-http"))
	taken.Accept.Jaeger.Binary = []string{r.socket("jaeger.compact")}
	if _, err := r.Reload(taken); err == nil {
		t.Error("an address was opened that is taken")
	}
	udp.goesOn()
	kept.goesOn()

	udp.stop()
	kept.stop()
	if n := dials.Load(); n != 1 {
		t.Errorf("the connection to a listener that stayed was made %d times", n)
	}
	r.until("delivered", func(l ledger.Lane) bool { return l.Buffered == 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	l := r.check()
	sent := udp.sent.Load() + binary.sent.Load() + kept.sent.Load() + leaving.sent.Load()
	if l.Delivered != l.Accepted || l.Dropped.Sum() != 0 {
		t.Errorf("the ledger says %+v", l.Account)
	}
	// A request whose answer was lost with its listener may have been taken.
	if l.Accepted+l.KernelDrops < sent || l.Accepted+l.KernelDrops > sent+1 {
		t.Errorf("%d spans sent, %d accepted, %d packets dropped by the kernel", sent, l.Accepted, l.KernelDrops)
	}
	if n := uint64(len(got.ids)); n != l.Accepted {
		t.Errorf("%d spans accepted, %d arrived", l.Accepted, n)
	}
	fmt.Fprintln(t.Output(), sent, "spans")
}
