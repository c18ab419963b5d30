package accept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	der, key := a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, "authority")
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.pool.AddCert(a.cert)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func (a *authority) sign(t *testing.T, c *x509.Certificate, name string) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(1), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1<<33, 0)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	if der, err = x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer); err != nil {
		t.Fatal(err)
	}
	return der, key
}

// pair is a certificate with its key, in PEM.
func (a *authority) pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	der, k := a.sign(t, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, name)
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// server writes a certificate and its key into files.
func (a *authority) server(t *testing.T, name string) TLSOptions {
	t.Helper()
	dir := t.TempDir()
	opt := TLSOptions{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	a.renew(t, opt, name)
	return opt
}

func (a *authority) renew(t *testing.T, opt TLSOptions, name string) {
	t.Helper()
	cert, key := a.pair(t, name)
	writeFile(t, opt.Cert, cert)
	writeFile(t, opt.Key, key)
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
	})
}

func TestMutualTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	opt := ca.server(t, "server")
	opt.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, opt.ClientCA, ca.pem)
	certs, err := newCertificates(opt, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who  string
		of   *authority
		want bool
	}{{"nobody", nil, false}, {"one of another authority", stranger, false}, {"one of ours", ca, true}} {
		client := &tls.Config{RootCAs: ca.pool, ServerName: "127.0.0.1"}
		if c.of != nil {
			pair, err := tls.X509KeyPair(c.of.pair(t, "client"))
			if err != nil {
				t.Fatal(err)
			}
			client.Certificates = []tls.Certificate{pair}
		}
		if _, err := handshake(t, certs.server, client); (err == nil) != c.want {
			t.Errorf("%s: %v", c.who, err)
		}
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
