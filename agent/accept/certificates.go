package accept

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSOptions are paths of PEM files. Without a Cert there is no TLS; with a
// ClientCA, clients must show a certificate that it has signed.
type TLSOptions struct {
	Cert, Key, ClientCA string
}

// lookEvery is how often the files are looked at, at most: when a client comes.
const lookEvery = time.Second

// ServerTLS is how an address that is not a Server's takes TLS: by files that are
// read again when they change, as a Server's are. group is the configuration's key
// of theirs. It is nil without a Cert.
func ServerTLS(group string, opt TLSOptions, log *slog.Logger, protocols ...string) (*tls.Config, error) {
	c, err := loadCertificates(group, opt, log, protocols)
	if c == nil {
		return nil, err
	}
	return c.server, nil
}

// certificates are what TLS connections begin with. They are read again when
// their files have changed; what is wrong then is logged, and the old ones
// stay in force.
type certificates struct {
	group  string
	opt    TLSOptions
	offer  []string // protocols (ALPN)
	log    *slog.Logger
	server *tls.Config // asks for the current one

	mu      sync.Mutex
	current *tls.Config
	files   [3]os.FileInfo
	looked  time.Time
}

// newCertificates reads the files; the result is nil when there are none.
func newCertificates(opt TLSOptions, log *slog.Logger) (*certificates, error) {
	return loadCertificates("accept.tls", opt, log, []string{"h2", "http/1.1"})
}

func loadCertificates(group string, opt TLSOptions, log *slog.Logger, protocols []string) (*certificates, error) {
	if opt.Cert == "" {
		return nil, nil
	}
	c := &certificates{group: group, opt: opt, offer: protocols, log: log, looked: time.Now(), files: opt.stat()}
	var err error
	if c.current, err = c.read(); err != nil {
		return nil, err
	}
	c.server = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.now(), nil }}
	return c, nil
}

// now is the configuration for a client that comes now.
func (c *certificates) now() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookEvery {
		return c.current
	}
	c.looked = time.Now()
	files := c.opt.stat()
	if same(files, c.files) {
		return c.current
	}
	fresh, err := c.read()
	if err != nil {
		c.log.Error("certificates have changed but can't be used: the old ones stay in force", "error", err)
		return c.current // and look again in a second: a file may be half written
	}
	c.log.Info("certificates read again", "cert", c.opt.Cert)
	c.current, c.files = fresh, files
	return fresh
}

func (c *certificates) read() (*tls.Config, error) {
	o := c.opt
	pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, fmt.Errorf("%s.cert %s, %s.key %s: %w", c.group, o.Cert, c.group, o.Key, err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: c.offer}
	if o.ClientCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.ClientCA)
	if err == nil {
		t.ClientCAs = x509.NewCertPool()
		if !t.ClientCAs.AppendCertsFromPEM(pem) {
			err = errors.New("has no certificate in PEM")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s.client_ca %s: %w", c.group, o.ClientCA, err)
	}
	t.ClientAuth = tls.RequireAndVerifyClientCert
	return t, nil
}

// stat is what tells one version of the files from another.
func (o TLSOptions) stat() (files [3]os.FileInfo) {
	for i, name := range []string{o.Cert, o.Key, o.ClientCA} {
		if info, err := os.Stat(name); err == nil {
			files[i] = info
		}
	}
	return files
}

func same(a, b [3]os.FileInfo) bool {
	for i := range a {
		switch {
		case a[i] == nil || b[i] == nil:
			if a[i] != b[i] {
				return false
			}
		case !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()):
			return false
		}
	}
	return true
}
