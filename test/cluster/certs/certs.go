// Package certs makes what the parts of a cluster know each other by: an
// authority, certificates, the key that signs service accounts' tokens, and
// kubeconfig files.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// valid is how long certificates are: a cluster lives for hours.
const valid = 7 * 24 * time.Hour

// Authority signs, and writes files to its folder.
type Authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// New makes an authority: ca.crt and ca.key in a folder, sa.key and sa.pub for
// service accounts.
func New(folder string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	a := &Authority{folder: folder, key: key}
	a.cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: "wayside-test-cluster"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if err := a.sign("ca", a.cert, key); err != nil {
		return nil, err
	}
	accounts, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(accounts.Public())
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if err := a.write("sa.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(accounts)); err != nil {
		return nil, err
	}
	return a, a.write("sa.pub", "PUBLIC KEY", public)
}

// Issue makes NAME.crt and NAME.key, for a client or a server: a user of a
// group ("" for none), or hosts, which are names or IP addresses.
func (a *Authority) Issue(name, user, group string, hosts ...string) error {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: user},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if group != "" {
		c.Subject.Organization = []string{group}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	return a.sign(name, c, key)
}

// Kubeconfig issues a user's certificate and writes NAME.kubeconfig, which has
// it, for a server's URL.
func (a *Authority) Kubeconfig(name, user, group, server string) error {
	if err := a.Issue(name, user, group); err != nil {
		return err
	}
	data := func(file string) string {
		b, err := os.ReadFile(a.Path(file))
		if err != nil {
			panic(err) // it was written a moment ago
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: test, user: {client-certificate-data: %s, client-key-data: %s}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
`, server, data("ca.crt"), data(name+".crt"), data(name+".key"))
	return os.WriteFile(a.Path(name+".kubeconfig"), []byte(config), 0o600)
}

// Client is an HTTP client of a user, for what issuing a kubeconfig wrote to a
// folder.
func Client(folder, name string) (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key"))
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}},
	}, nil
}

// Path is of a file in the authority's folder.
func (a *Authority) Path(file string) string { return filepath.Join(a.folder, file) }

func (a *Authority) sign(name string, c *x509.Certificate, key *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	c.SerialNumber = serial
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(valid)
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("certs: %s: %w", name, err)
	}
	if err := a.write(name+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("certs: %s: %w", name, err)
	}
	if err := a.write(name+".key", "EC PRIVATE KEY", private); err != nil {
		return err
	}
	if c.IsCA { // what it signs must name it as it is written
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			return fmt.Errorf("certs: %w", err)
		}
	}
	return nil
}

func (a *Authority) write(file, kind string, der []byte) error {
	b := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(a.Path(file), b, 0o600); err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	return nil
}
