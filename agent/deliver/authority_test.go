package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tlsServer is a server on loopback whose certificate and whose trust can be
// changed while it runs.
type tlsServer struct {
	*httptest.Server
	mu      sync.Mutex
	cert    tls.Certificate
	clients *x509.CertPool // nil: asks for no certificate
	shakes  int
}

func startTLS(t testing.TB, cert tls.Certificate, clients *x509.CertPool, http2 bool, handle http.HandlerFunc) *tlsServer {
	t.Helper()
	s := &tlsServer{Server: httptest.NewUnstartedServer(handle), cert: cert, clients: clients}
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.shakes++
		c := &tls.Config{Certificates: []tls.Certificate{s.cert}, NextProtos: []string{"http/1.1"}}
		if http2 {
			c.NextProtos = []string{"h2", "http/1.1"}
		}
		if s.clients != nil {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, s.clients
		}
		return c, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *tlsServer) change(cert tls.Certificate, clients *x509.CertPool) {
	s.mu.Lock()
	s.cert, s.clients = cert, clients
	s.mu.Unlock()
}

func (s *tlsServer) address() string { return s.Listener.Addr().String() }

// folder is where a test keeps the files of credentials.
type folder struct {
	t    testing.TB
	path string
}

func newFolder(t testing.TB) folder { return folder{t, t.TempDir()} }

func (f folder) file(name string) string { return filepath.Join(f.path, name) }

// put writes a file as a whole, in place of the one that was there.
func (f folder) put(name string, content []byte) string {
	f.t.Helper()
	path := f.file(name)
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// credentials loads credentials that look at their files all the time.
func credentials(t testing.TB, opt CredentialOptions) (*Credentials, *logBook) {
	t.Helper()
	log := &logBook{}
	c, err := LoadCredentials(opt, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.every = 0
	return c, log
}

// logBook is a log that is read while it is written.
type logBook struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (f folder) remove(name string) {
	f.t.Helper()
	if err := os.Remove(f.file(name)); err != nil {
		f.t.Fatal(err)
	}
}
