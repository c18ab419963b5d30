package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
	"github.com/wayside-tracing/wayside/wire/otlp"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// collector is an OTLP gRPC server that counts the spans of each operation.
type collector struct {
	address string
	mu      sync.Mutex
	status  string // grpc-status of every answer; "" is success
	spans   map[string]int
	look    func(request []byte) // at what it takes, if not nil
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{address: l.Addr().String(), spans: map[string]int{}}
	s := &http.Server{Handler: c, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) < 5 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 {
		http.Error(w, "bad message", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	status := c.status
	if status == "" {
		status = "0"
		w.Write([]byte{0, 0, 0, 0, 0})
		if c.look != nil {
			c.look(body[5:])
		}
		for s := range otlp.Spans(body[5:]) {
			c.spans[string(s.Name)]++
		}
	}
	w.Header().Set("Grpc-Status", status)
}

func (c *collector) answer(status string) {
	c.mu.Lock()
	c.status = status
	c.mu.Unlock()
}

func (c *collector) count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans[operation]
}

// running is an agent under test.
type running struct {
	*Agent
	t    *testing.T
	file string
	log  *bytes.Buffer
	stop func() error
	conn net.Conn
}

// run starts an agent that delivers to the endpoints; more is YAML.
func run(t *testing.T, endpoints, more string) *running {
	t.Helper()
	r := &running{t: t, file: t.TempDir() + "/agent.yaml", log: &bytes.Buffer{}}
	cfg := r.configure(endpoints, more)
	var err error
	if r.Agent, err = New(cfg, slog.New(slog.NewTextHandler(r.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for !r.Status().Ready {
		time.Sleep(time.Millisecond)
	}
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		r.check()
		return err
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	if r.conn, err = net.Dial("udp", r.sockets[0].Address()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.conn.Close() })
	return r
}

// configure makes a configuration. more replaces what it says of accept, if it does.
func (r *running) configure(endpoints, more string) *config.Config {
	r.t.Helper()
	if !strings.Contains(more, "accept:") {
		more += "\naccept: {jaeger: {compact: 127.0.0.1:0, binary: 127.0.0.1:0}, otlp: {grpc: 127.0.0.1:0, http: 127.0.0.1:0}}"
	}
	text := fmt.Sprintf("admin: {http: 127.0.0.1:0}\ncontrol: {http: 127.0.0.1:0}\n"+
		"deliver: {endpoint: [%s], batch: {age: 20ms}, timeout: 1s, compression: none}\n%s\n", endpoints, more)
	return r.load(text)
}

// load makes a configuration of all of a file's text.
func (r *running) load(text string) *config.Config {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	cfg, err := config.Load(config.Source{File: r.file})
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

// send sends a packet of so many spans of an operation.
func (r *running) send(operation string, spans int) {
	r.t.Helper()
	b := &jaegerthrift.Batch{Process: jaegerthrift.Process{ServiceName: "shop"}}
	for i := range spans {
		b.Spans = append(b.Spans, jaegerthrift.Span{TraceIDLow: 1, SpanID: uint64(i + 1), OperationName: operation})
	}
	if _, err := r.conn.Write(jaegerthrift.AppendEmitBatch(nil, thrift.Compact, thrift.Oneway, 1, b)); err != nil {
		r.t.Fatal(err)
	}
}

// check fails the test when the ledger does not add up, and returns it.
func (r *running) check() ledger.Lane {
	r.t.Helper()
	lane := r.Status().Lanes[0]
	if err := lane.Check(); err != nil {
		r.t.Error(err)
	}
	return lane
}

// until waits for the ledger to be as f says.
func (r *running) until(what string, f func(ledger.Lane) bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f(r.check()) {
			return
		}
	}
	r.t.Fatalf("not %s: %+v", what, r.check())
}

func TestSpansArrive(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	for range 10 {
		r.send("op", 20)
	}
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 200 && l.Accepted == 200 && l.Buffered == 0 })
	if got := c.count("op"); got != 200 {
		t.Errorf("%d spans arrived", got)
	}
}

func TestSpansWaitForACollectorThatIsIll(t *testing.T) {
	c := startCollector(t)
	c.answer("14") // UNAVAILABLE
	r := run(t, c.address, "")
	r.send("early", 20)
	r.until("tried", func(ledger.Lane) bool { return r.Status().Lanes[0].Endpoints[0].Failures > 0 })
	if l := r.check(); l.Buffered != 20 || l.Delivered != 0 {
		t.Errorf("%+v", l)
	}
	c.answer("")
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 20 })
}

func TestStopDeliversWhatIsThere(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	for range 100 {
		r.send("last", 20)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if l := r.check(); l.Accepted != 2000 || l.Delivered != 2000 {
		t.Errorf("%+v", l)
	}
	if got := c.count("last"); got != 2000 {
		t.Errorf("%d spans arrived", got)
	}
	if r.Status().Ready {
		t.Error("ready after the end")
	}
}

// A service that leads spans here has to learn that the agent ends before it does;
// and a client whose connection stays open, that it is to make another one. Go's
// lost a request that it sent while its connection was closed.
func TestStopDelay(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "stop_delay: 1s")
	endpoint := "http://" + r.listener("otlp.http") + "/v1/traces"
	last := func() bool {
		res, err := http.Post(endpoint, "application/x-protobuf", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.Close
	}
	if last() {
		t.Error("a connection is closed before the agent is told to stop")
	}
	told := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	for r.Status().Ready {
		time.Sleep(time.Millisecond)
	}
	r.send("late", 20)
	r.until("accepted", func(l ledger.Lane) bool { return l.Accepted == 20 })
	if !last() {
		t.Error("a client is not told that its connection ends")
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(told); took < time.Second {
		t.Errorf("ended after %v", took)
	}
	if l := r.check(); l.Delivered != 20 || c.count("late") != 20 {
		t.Errorf("%+v", l)
	}
}

func TestStopCountsWhatCouldNotBeDelivered(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	r := run(t, gone.Addr().String(), "drain_timeout: 100ms")
	r.send("lost", 20)
	r.until("accepted", func(l ledger.Lane) bool { return l.Accepted == 20 })
	if err := r.stop(); err != nil { // it ends, although it could go on trying
		t.Fatal(err)
	}
	if l := r.check(); l.Dropped[ledger.Shutdown] != 20 || l.Buffered != 0 {
		t.Errorf("%+v", l)
	}
	lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "msg=ledger") || !strings.Contains(last, " dropped=20 dropped_shutdown=20") {
		t.Errorf("the last line is %s", last)
	}
}

func TestAddressInUse(t *testing.T) {
	r := run(t, "127.0.0.1:1", "drain_timeout: 0s")
	cfg := *r.cfg
	cfg.Accept.Jaeger.Compact = []string{r.sockets[0].Address()}
	cfg.Accept.OTLP.GRPC, cfg.Accept.OTLP.HTTP = nil, nil
	cfg.Admin.HTTP = nil
	_, err := New(&cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "accept.jaeger.compact") || !strings.Contains(err.Error(), r.sockets[0].Address()) {
		t.Errorf("%v", err)
	}
}

func TestReload(t *testing.T) {
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	r := run(t, down.Addr().String(), "")
	r.send("waits", 20)
	r.until("tried", func(ledger.Lane) bool { return r.Status().Lanes[0].Endpoints[0].Failures > 0 })

	// Another collector, and another socket beside the first one.
	c := startCollector(t)
	compact := r.sockets[0].Address()
	if restart, err := r.Reload(r.configure(c.address, "accept: {jaeger: {compact: [127.0.0.1:0, localhost:0], binary: \"\"}, otlp: {grpc: \"\", http: \"\"}}")); err != nil || restart != nil {
		t.Fatal(restart, err)
	}
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 20 })
	if got := r.sockets[0].Address(); got != compact {
		t.Errorf("the socket that stays was at %s and is at %s", compact, got)
	}
	r.conn.Close()
	if r.conn, err = net.Dial("udp", r.sockets[1].Address()); err != nil {
		t.Fatal(err)
	}
	r.send("new socket", 5)
	r.until("delivered", func(l ledger.Lane) bool { return l.Delivered == 25 })

	// What cannot be opened changes nothing.
	before := r.Status()
	bad := r.configure("127.0.0.1:1", "buffer: {memory: 4MiB}\naccept: {jaeger: {compact: "+compact+"}, otlp: {grpc: 127.0.0.1:0, http: 127.0.0.1:0}}")
	if _, err := r.Reload(bad); err == nil {
		t.Error("an address that is taken was opened")
	}
	if after := r.Status(); after.Lanes[0].Endpoints[0].Address != before.Lanes[0].Endpoints[0].Address ||
		after.Lanes[0].Buffer.Limit != before.Lanes[0].Buffer.Limit || len(after.Sockets) != len(before.Sockets) {
		t.Errorf("%+v", after)
	}
	for range 2 { // what is not in force is said each time, and not shown as if it were
		restart, err := r.Reload(r.configure(c.address, "log: {level: debug}"))
		if err != nil || !slices.Equal(restart, []string{"log.level"}) || r.cfg.Log.Level != "info" {
			t.Error(restart, err, r.cfg.Log)
		}
	}
}

// slowToClose is a listener that looks, when it is stopped, whether the agent
// can be asked how it is.
type slowToClose struct{ listener }

// Probes were not answered as long as requests on a listener went on that a
// reload had taken away.
func TestStatusIsToldWhileAListenerCloses(t *testing.T) {
	r := run(t, "127.0.0.1:1", "drain_timeout: 0s")
	asked := false
	r.mu.Lock()
	r.sockets = append(r.sockets, &socket{listener: slowToClose{}, wish: wish{"otlp.http", "gone"}, stop: func() {
		if !r.mu.TryLock() {
			t.Error("a listener is stopped with the lock of the status held")
			return
		}
		r.mu.Unlock()
		asked = len(r.Status().Listeners) == 2 // it is not shown any more
	}})
	r.mu.Unlock()
	if _, err := r.Reload(r.configure("127.0.0.1:1", "")); err != nil {
		t.Fatal(err)
	}
	if !asked {
		t.Error("the listener that is gone was not stopped, or is still shown")
	}
}

// A reload can come while the agent starts, or ends.
func TestReloadOfAnAgentThatDoesNotRun(t *testing.T) {
	r := run(t, "127.0.0.1:1", "drain_timeout: 0s")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reload(r.configure("127.0.0.1:2", "accept: {jaeger: {compact: 127.0.0.1:0}}")); err == nil {
		t.Error("reloaded after the end")
	}
	a, err := New(r.configure("127.0.0.1:2", ""), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reload(r.configure("127.0.0.1:3", "")); err == nil {
		t.Error("reloaded before the start")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Error(err)
	}
}

// On call one looks where the spans are, and the log's first line did not say.
func TestReadyNamesTheDisk(t *testing.T) {
	path := t.TempDir()
	r := run(t, startCollector(t).address, "buffer: {disk: {path: "+path+", sync: always}}")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if want := "msg=ready disk=" + path + " sync=always "; !strings.Contains(r.log.String(), want) {
		t.Errorf("%q is not in the log:\n%s", want, r.log)
	}
	r = run(t, startCollector(t).address, "")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if log := r.log.String(); strings.Contains(log, "disk") {
		t.Errorf("there is no disk, and the log has one:\n%s", log)
	}
}
