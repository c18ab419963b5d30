package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// backdate is how long before now certificates begin to be valid: clocks differ.
const backdate = time.Hour

// A Policy says what certificates are for and how long they last.
type Policy struct {
	// Names are the DNS names and IP addresses by which the webhook is called.
	Names []string
	// Life is the certificate's; it is renewed when a third of it is left.
	Life time.Duration
	// AuthorityLife is the authority's; the next one is made when a tenth of it,
	// or less than two lives of a certificate, is left.
	AuthorityLife time.Duration
}

// Settle is how long a bundle is published before something is shown that needs
// it: ten minutes, or a tenth of a certificate's life. API servers see a changed
// object within seconds.
func (p Policy) Settle() time.Duration { return min(10*time.Minute, p.Life/10) }

// Check is whether the policy can be followed.
func (p Policy) Check() error {
	switch {
	case len(p.Names) == 0:
		return errors.New("a certificate without names")
	case p.Life < 10*time.Second:
		return fmt.Errorf("a certificate's life of %v is too short: at least 10s", p.Life)
	case p.AuthorityLife < 4*p.Life:
		return fmt.Errorf("an authority's life of %v is too short for certificates of %v: at least four times that", p.AuthorityLife, p.Life)
	}
	return nil
}

// newAuthority makes one that signs itself.
func newAuthority(now time.Time, p Policy) (tls.Certificate, error) {
	return issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "wayside-operator's authority of " + now.UTC().Format(time.RFC3339)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(p.AuthorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
}

// newLeaf makes a server's certificate.
func newLeaf(now time.Time, p Policy, signer *tls.Certificate) (tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "wayside-operator"},
		NotBefore:   now.Add(-backdate),
		NotAfter:    now.Add(p.Life),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range p.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return issue(template, signer)
}

// issue signs a certificate for a new key; without a signer, with that key.
func issue(template *x509.Certificate, signer *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return tls.Certificate{}, err
	}
	parent, with := template, any(key)
	if signer != nil {
		parent, with = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, with)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// encode writes a certificate and its key as PEM.
func encode(c *tls.Certificate) (cert, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, err
	}
	return encodeCert(c.Leaf), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func encodeCert(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// decode reads what encode wrote.
func decode(cert, key []byte) (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(cert, key) // they belong together
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func decodeCert(cert []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(cert)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return x509.ParseCertificate(block.Bytes)
}
