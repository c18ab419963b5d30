// Package authority issues certificates for tests.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority signs certificates, its own first.
type Authority struct {
	Cert *x509.Certificate
	PEM  []byte // of Cert

	t   testing.TB
	key *ecdsa.PrivateKey
}

// Issued is a certificate with its key, for use and for files.
type Issued struct {
	tls.Certificate
	PEM, Key []byte
}

// New makes an authority. What it issues has a long time, in which the clocks of
// synctest are too, unless it is told otherwise.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{t: t}
	own := a.Issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.Cert, a.PEM, a.key = own.Leaf, own.PEM, own.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// Issue signs a certificate for a new key.
func (a *Authority) Issue(template *x509.Certificate) Issued {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		a.t.Fatal(err)
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Unix(0, 0)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Unix(1<<33, 0)
	}
	parent, signer := a.Cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return Issued{
		Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		PEM:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// Server is what a certificate of a server with these names and addresses is
// made from. The first is what it is called.
func Server(names ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return c
}

// Client is what a certificate of a client is made from.
func Client(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// Expired makes of a certificate one whose time is over since an hour.
func Expired(c *x509.Certificate) *x509.Certificate {
	c.NotAfter = time.Now().Add(-time.Hour)
	return c
}

// Early makes of a certificate one whose time comes in an hour.
func Early(c *x509.Certificate) *x509.Certificate {
	c.NotBefore = time.Now().Add(time.Hour)
	return c
}

// Pool is what trusts the authorities.
func Pool(all ...*Authority) *x509.CertPool {
	p := x509.NewCertPool()
	for _, a := range all {
		p.AddCert(a.Cert)
	}
	return p
}
