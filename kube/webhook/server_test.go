package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/internal/authority"
)

// A server that ends answers what it has been asked, and shows whatever certificate
// holds at the moment.
func TestServer(t *testing.T) {
	old, renewed := authority.New(t, "old"), authority.New(t, "new")
	issued := func(a *authority.Authority) *tls.Certificate {
		c := a.Issue(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
		return &c.Certificate
	}
	shown := issued(old)
	entered, leave := make(chan bool), make(chan bool)
	s, err := NewServer("127.0.0.1:0", func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown, nil },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			entered <- true
			<-leave
			_, _ = io.WriteString(w, r.Proto)
		}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Start(ctx) }()

	post := func(a *authority.Authority, path string) (string, error) {
		roots := x509.NewCertPool()
		roots.AddCert(a.Cert)
		c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true}, Timeout: 10 * time.Second}
		r, err := c.Post("https://"+s.Address().String()+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return r.Status + " " + string(b), err
	}
	if got, err := post(old, "/"); err != nil || !strings.HasPrefix(got, "404") {
		t.Errorf("another path: %s, %v", got, err)
	}
	shown = issued(renewed)
	if _, err := post(old, "/"); err == nil {
		t.Error("the old authority should not do for the new certificate")
	}
	answers := make(chan string)
	go func() {
		got, err := post(renewed, Path)
		if err != nil {
			got = err.Error()
		}
		answers <- got
	}()
	<-entered
	stop()
	select {
	case err := <-ended:
		t.Errorf("it ended with a question unanswered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	leave <- true
	if got := <-answers; got != "200 OK HTTP/1.1" {
		t.Error(got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
