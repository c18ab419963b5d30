package h2spec

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// exceptions are the cases that the agent fails without TLS: why, by the section of RFC 9113, and what a client sees.
var exceptions = map[string]string{
	"http2/3.5/2": "section 3.4: the port takes HTTP/1.1, too, and what begins as neither is answered with the 400 of HTTP/1.1 before it is closed",
}

// cases is how many there are. A suite that has lost some tests nothing.
const cases = 146

// Everything h2spec knows, its strict cases too, in plain text and with TLS.
func TestH2spec(t *testing.T) {
	for name, tls := range map[string]bool{"plain text": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			accept := ""
			if tls {
				accept = ", tls: " + certificate(t)
			}
			a := startAgent(t, accept)
			host, port, err := net.SplitHostPort(a.otlp)
			if err != nil {
				t.Fatal(err)
			}
			c := &config.Config{
				Host: host, Path: "/", Timeout: 2 * time.Second, MaxHeaderLen: 4000, Strict: true, TLS: tls, Insecure: true,
			}
			if c.Port, err = strconv.Atoi(port); err != nil {
				t.Fatal(err)
			}
			passed, known := 0, exceptions
			if tls {
				known = nil
			}
			for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
				group.Test(c)
				passed += look(t, group, known)
			}
			if passed+len(known) != cases {
				t.Errorf("%d cases passed, and there are %d exceptions, of %d", passed, len(known), cases)
			}
			a.status()
		})
	}
}

// look goes through the results, and says how many cases have passed.
func look(t *testing.T, g *spec.TestGroup, exceptions map[string]string) (passed int) {
	for _, c := range append(g.Tests, g.StrictTests...) {
		if c.Result == nil {
			t.Errorf("%s %s: did not run", g.ID(), c.Desc)
			continue
		}
		name := fmt.Sprintf("%s/%d", g.ID(), c.Result.Sequence)
		why, ok := exceptions[name]
		switch {
		case c.Result.Skipped:
			t.Errorf("%s: skipped", name)
		case c.Result.Failed && !ok:
			t.Errorf("%s: %s: %s\n%v", name, c.Desc, c.Requirement, c.Result.Error)
		case c.Result.Failed:
			t.Logf("%s: %s", name, why)
		case ok:
			t.Errorf("%s passes, and is said to be an exception", name)
		default:
			passed++
		}
	}
	for _, sub := range g.Groups {
		passed += look(t, sub, exceptions)
	}
	return passed
}

// certificate writes one, and returns it as in the agent's configuration.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return fmt.Sprintf("{cert: %q, key: %q}", write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private))
}
