package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// maxPEM is in bytes: a bundle of all public authorities has 230 kB.
const maxPEM = 1 << 20

// checkServerTLS checks a group of keys for TLS of our own listeners.
func (l *loader) checkServerTLS(group string, t *ServerTLS) {
	l.checkPair(group, t.Cert, t.Key)
	if t.ClientCA != "" && t.Cert == "" && t.Key == "" {
		l.failValue(group+".client_ca", t.ClientCA, "there is no TLS without a certificate; set "+group+".cert and "+group+".key as well")
		return
	}
	l.checkAuthorities(group+".client_ca", t.ClientCA)
}

// checkAuthorities checks a file of certificates, if there is to be one.
func (l *loader) checkAuthorities(key, path string) {
	if path == "" {
		return
	}
	if pem, ok := l.pem(key, path); ok && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		l.failValue(key, path, "has no certificate in it; give a file of PEM, -----BEGIN CERTIFICATE-----")
	}
}

// checkPair checks a certificate and its key, which are group.cert and group.key.
func (l *loader) checkPair(group, cert, key string) {
	switch {
	case cert == "" && key == "":
	case key == "":
		l.failValue(group+".cert", cert, "has no key; set "+group+".key")
	case cert == "":
		l.failValue(group+".key", key, "has no certificate; set "+group+".cert")
	default:
		certPEM, ok := l.pem(group+".cert", cert)
		keyPEM, ok2 := l.pem(group+".key", key)
		if !ok || !ok2 {
			return
		}
		if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
			l.failValue(group+".cert", cert, "can't be used with "+group+".key: "+err.Error()+"; give a certificate and its key, both PEM")
		}
	}
}

func (l *loader) pem(key, path string) ([]byte, bool) {
	b, err := l.readFile(path, maxPEM)
	if err != nil && !errors.Is(err, errElsewhere) {
		l.failValue(key, path, "can't be read: "+cause(err).Error()+"; check the path and its permissions")
	}
	return b, err == nil
}
