package agent

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asked is what a tracer is told of a service's sampling.
func (r *running) asked() (status int, body string) {
	r.t.Helper()
	res, err := http.Get("http://" + r.control.Addresses()[0] + "/sampling?service=shop")
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// A source that comes, changes, breaks and goes, all by reloads, while the agent
// runs.
func TestSamplingSourceIsReloaded(t *testing.T) {
	c := startCollector(t)
	r := run(t, c.address, "")
	if status, body := r.asked(); status != http.StatusNotFound || !strings.Contains(body, "sampling.source is not set") {
		t.Errorf("without a source: %d %q", status, body)
	}
	path := filepath.Join(t.TempDir(), "strategies.json")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func(more string) {
		t.Helper()
		if restart, err := r.Reload(r.configure(c.address, more)); err != nil || len(restart) > 0 {
			t.Fatalf("%v, %v", restart, err)
		}
	}
	want := func(rate float64) {
		t.Helper()
		if status, body := r.asked(); status != http.StatusOK || body != fmt.Sprintf(`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":%v}}`, rate) {
			t.Errorf("%d %s, want the rate %v", status, body, rate)
		}
	}
	source := fmt.Sprintf("sampling: {source: %q}", path)
	put(`{"default_strategy": {"type": "probabilistic", "param": 0.5}}`)
	reload(source)
	want(0.5)
	put(`{"default_strategy": {"type": "probabilistic", "param": 0.25}}`)
	reload(source) // a hangup, with the same configuration, reads the file again
	want(0.25)
	put(`{"default_strategy":`)
	reload(source)
	want(0.25)
	if st := r.Status().Sampling; st.State != "failing" || st.Source != path || st.Answers.HTTP.Stale != 1 {
		t.Errorf("%+v", st)
	}
	reload("")
	if status, _ := r.asked(); status != http.StatusNotFound {
		t.Errorf("after the source went: %d", status)
	}
}

// A source that hangs keeps the agent neither from stopping nor from reloading.
func TestStopsWhileASourceHangs(t *testing.T) {
	hang := make(chan struct{})
	questions := make(chan struct{}, 10)
	source := http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { questions <- struct{}{}; <-hang })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go source.Serve(l)
	defer source.Close()
	defer close(hang)
	r := run(t, startCollector(t).address, "sampling: {source: 'http://"+l.Addr().String()+"/'}")
	go http.Get("http://" + r.control.Addresses()[0] + "/sampling?service=shop")
	<-questions
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not stop")
	}
}

// A tracer that waits for such a source at 14268 kept the agent from stopping for
// five seconds, of which the collector was left without spans.
func TestQuestionsEndWhenTheAgentStops(t *testing.T) {
	hang := make(chan struct{})
	questions := make(chan struct{}, 10)
	source := http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { questions <- struct{}{}; <-hang })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go source.Serve(l)
	defer source.Close()
	defer close(hang)
	r := run(t, startCollector(t).address, "sampling: {source: 'http://"+l.Addr().String()+"/'}\n"+
		"accept: {jaeger: {compact: 127.0.0.1:0, http: 127.0.0.1:0}, otlp: {grpc: '', http: ''}}")
	answered := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + r.sockets[len(r.sockets)-1].Address() + "/api/sampling?service=shop")
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
		answered <- res.StatusCode
	}()
	<-questions
	begin := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if status := <-answered; status != http.StatusInternalServerError {
		t.Errorf("the tracer was told %d", status)
	}
}

// A source by TLS is asked with the certificates of sampling.tls, and not without.
func TestSamplingSourceByTLS(t *testing.T) {
	source := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"strategyType":0,"probabilisticSampling":{"samplingRate":0.5}}`)
	}))
	defer source.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: source.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t)
	r := run(t, c.address, fmt.Sprintf("sampling: {source: %q}", source.URL))
	if status, body := r.asked(); status != http.StatusInternalServerError || !strings.Contains(body, "certificate") {
		t.Errorf("an unknown authority: %d %q", status, body)
	}
	if _, err := r.Reload(r.configure(c.address, fmt.Sprintf("sampling: {source: %q, tls: {ca: %q}}", source.URL, ca))); err != nil {
		t.Fatal(err)
	}
	if status, body := r.asked(); status != http.StatusOK || !strings.Contains(body, `"samplingRate":0.5`) {
		t.Errorf("with its authority: %d %q", status, body)
	}
}
