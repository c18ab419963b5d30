package accept

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/internal/authority"
)

// ca signs certificates for 127.0.0.1.
type ca struct {
	*authority.Authority
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *ca {
	t.Helper()
	a := authority.New(t, "authority")
	return &ca{a, authority.Pool(a)}
}

// server writes a certificate and its key into files.
func (a *ca) server(t *testing.T, name string) TLSOptions {
	t.Helper()
	dir := t.TempDir()
	opt := TLSOptions{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	a.renew(t, opt, name)
	return opt
}

func (a *ca) renew(t *testing.T, opt TLSOptions, name string) {
	t.Helper()
	pair := a.Issue(authority.Server(name, "127.0.0.1"))
	writeFile(t, opt.Cert, pair.PEM)
	writeFile(t, opt.Key, pair.Key)
}

// writeFile puts a new file in place of an old one.
func writeFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// handshake connects and says whom it met.
func handshake(t *testing.T, server, client *tls.Config) (name string, err error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	refused := make(chan error, 1)
	go func() {
		c := tls.Server(b, server)
		refused <- c.Handshake()
		b.Close()
	}()
	c := tls.Client(a, client)
	if err := c.Handshake(); err != nil {
		a.Close()
		<-refused
		return "", err
	}
	// The server says what it thinks of the client's certificate afterwards.
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		a.Close()
		<-refused
		return "", err
	}
	if err := <-refused; err != nil {
		return "", err
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestCertificatesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		opt := ca.server(t, "one")
		certs, err := newCertificates(opt, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		meet := func(want string) {
			t.Helper()
			time.Sleep(2 * lookEvery)
			client := &tls.Config{RootCAs: ca.pool, ServerName: "127.0.0.1"}
			if name, err := handshake(t, certs.server, client); name != want || err != nil {
				t.Errorf("met %q, want %q: %v", name, want, err)
			}
		}
		meet("one")
		ca.renew(t, opt, "two")
		meet("two")
		writeFile(t, opt.Key, []byte("half a file"))
		meet("two")
		ca.renew(t, opt, "three")
		meet("three")
		if err := os.Remove(opt.Cert); err != nil {
			t.Fatal(err)
		}
		meet("three")
		ca.renew(t, opt, "four")
		meet("four")
	})
}

func TestMutualTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	opt := ca.server(t, "server")
	opt.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, opt.ClientCA, ca.PEM)
	certs, err := newCertificates(opt, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]struct {
		shows []tls.Certificate
		want  string // of what the server says; "" is yes
	}{
		"nobody":                      {nil, "certificate required"},
		"one of another authority":    {[]tls.Certificate{stranger.Issue(authority.Client("client")).Certificate}, "unknown certificate authority"},
		"one of ours":                 {[]tls.Certificate{ca.Issue(authority.Client("client")).Certificate}, ""},
		"one whose time is over":      {[]tls.Certificate{ca.Issue(authority.Expired(authority.Client("client"))).Certificate}, "expired certificate"},
		"one whose time is to come":   {[]tls.Certificate{ca.Issue(authority.Early(authority.Client("client"))).Certificate}, "expired certificate"},
		"one that is only a server's": {[]tls.Certificate{ca.Issue(authority.Server("client")).Certificate}, "bad certificate"},
	} {
		// Shown whatever the server asks for.
		show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c.shows == nil {
				return &tls.Certificate{}, nil
			}
			return &c.shows[0], nil
		}
		_, err := handshake(t, certs.server, &tls.Config{RootCAs: ca.pool, ServerName: "127.0.0.1", GetClientCertificate: show})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", who, err, c.want)
		}
	}
}

// The authority of clients is replaced while the server runs: for a time there
// are both, then the new one alone. A file that is gone or spoilt changes nothing.
func TestAuthorityOfClientsIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, young := newAuthority(t), newAuthority(t)
		opt := old.server(t, "server")
		opt.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
		writeFile(t, opt.ClientCA, old.PEM)
		certs, err := newCertificates(opt, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		expect := func(step string, oldMay, youngMay bool) {
			t.Helper()
			time.Sleep(2 * lookEvery)
			for who, may := range map[*ca]bool{old: oldMay, young: youngMay} {
				client := who.Issue(authority.Client("client")).Certificate
				show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &client, nil }
				_, err := handshake(t, certs.server, &tls.Config{RootCAs: old.pool, ServerName: "127.0.0.1", GetClientCertificate: show})
				if (err == nil) != may {
					t.Errorf("%s: old authority %v: %v", step, who == old, err)
				}
			}
		}
		expect("before", true, false)
		writeFile(t, opt.ClientCA, append(bytes.Clone(old.PEM), young.PEM...))
		expect("both", true, true)
		writeFile(t, opt.ClientCA, []byte("-----BEGIN"))
		expect("spoilt", true, true)
		if err := os.Remove(opt.ClientCA); err != nil {
			t.Fatal(err)
		}
		expect("gone", true, true)
		writeFile(t, opt.ClientCA, young.PEM)
		expect("after", false, true)
	})
}

// What a client makes of a server's certificate: that it is renewed in time is
// for people to see to, and what the client says names it.
func TestCertificateOutOfItsTime(t *testing.T) {
	ca := newAuthority(t)
	for want, template := range map[string]*x509.Certificate{
		"has expired or is not yet valid": authority.Expired(authority.Server("127.0.0.1")),
		"is before":                       authority.Early(authority.Server("127.0.0.1")),
	} {
		opt := ca.server(t, "")
		pair := ca.Issue(template)
		writeFile(t, opt.Cert, pair.PEM)
		writeFile(t, opt.Key, pair.Key)
		certs, err := newCertificates(opt, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", certs.server) // both ends write at once, which a pipe does not let them
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				_ = c.(*tls.Conn).Handshake()
				c.Close()
			}
		}()
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: ca.pool, ServerName: "127.0.0.1"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if c != nil {
			c.Close()
		}
		l.Close()
	}
}

func TestWrongCertificates(t *testing.T) {
	ca := newAuthority(t)
	good := ca.server(t, "one")
	for _, c := range []struct {
		opt  TLSOptions
		want string
	}{
		{TLSOptions{Cert: "/nowhere", Key: good.Key}, "accept.tls.cert /nowhere"},
		{TLSOptions{Cert: good.Cert, Key: good.Cert}, "accept.tls.key " + good.Cert},
		{TLSOptions{Cert: good.Cert, Key: good.Key, ClientCA: "/nowhere"}, "accept.tls.client_ca /nowhere"},
		{TLSOptions{Cert: good.Cert, Key: good.Key, ClientCA: good.Key}, "has no certificate"},
	} {
		if _, err := newCertificates(c.opt, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.opt, err)
		}
	}
}
