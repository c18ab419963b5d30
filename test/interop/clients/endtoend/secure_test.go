package endtoend

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// What a client is told comes out of a Collector that is reached by HTTP, and by either protocol through mutual TLS.
func TestCollectorByHTTPAndTLS(t *testing.T) {
	for _, c := range []struct {
		name, config, more, endpoint string
	}{
		{"http", harness.HTTP, "protocol: otlp-http,", "http://OTLP"},
		{"https", harness.Secure, "protocol: otlp-http, tls: {ca: FOLDER/ca.pem, cert: FOLDER/agent.pem, key: FOLDER/agent.key},", "https://HTTP"},
		{"grpc with TLS", harness.Secure, "tls: {enabled: true, ca: FOLDER/ca.pem, cert: FOLDER/agent.pem, key: FOLDER/agent.key},", "OTLP"},
	} {
		for _, compression := range []string{"gzip", "zstd", "none"} {
			t.Run(c.name+"/"+compression, func(t *testing.T) {
				t.Parallel()
				folder, address, second := t.TempDir(), harness.FreePort(t), harness.FreePort(t)
				certificates(t, folder)
				fill := strings.NewReplacer("FOLDER", folder, "HTTP", second, "OTLP", address).Replace
				sink := harness.StartSink(t, nil)
				harness.StartCollector(t, address, fill(c.config), sink.Address)
				agent := harness.StartAgent(t, harness.Deliver{
					Endpoints: []string{fill(c.endpoint)}, Compression: compression, More: fill(c.more),
				})
				client := clients(t)[0]
				story := scenario.Story()
				sent := scenario.Spans(story)
				if err := client.tell(agent.Compact, story); err != nil {
					t.Fatal(err)
				}
				agent.AwaitDelivered(t, sent)
				got := fields.Of(sink.Await(t, sent))
				wanted := func() []fields.Span { return fields.Of(scenario.OTLP(story)) }
				for _, line := range fields.Compare(wanted, got, client.rules) {
					t.Error(line)
				}
				agent.Finish(t, sent)
			})
		}
	}
}

// Without a certificate that the Collector asks for, nothing is lost: the spans go when there is one.
func TestCollectorRefusesCertificate(t *testing.T) {
	t.Parallel()
	folder, other, address, second := t.TempDir(), t.TempDir(), harness.FreePort(t), harness.FreePort(t)
	certificates(t, folder)
	certificates(t, other)
	put := func(name, from string) {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "used-"+name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("agent.pem", other) // of an authority that the Collector does not know
	put("agent.key", other)
	fill := strings.NewReplacer("FOLDER", folder, "HTTP", second).Replace
	sink := harness.StartSink(t, nil)
	collector := harness.StartCollector(t, address, fill(harness.Secure), sink.Address)
	agent := harness.StartAgent(t, harness.Deliver{
		Endpoints: []string{collector.Address}, Compression: "gzip",
		More: fill("tls: {enabled: true, ca: FOLDER/ca.pem, cert: FOLDER/used-agent.pem, key: FOLDER/used-agent.key},"),
	})
	client := clients(t)[0]
	story := scenario.Story()
	sent := scenario.Spans(story)
	if err := client.tell(agent.Compact, story); err != nil {
		t.Fatal(err)
	}
	agent.Await(t, "refused", func(l ledger.Lane) bool { return l.Endpoints[0].Failures > 0 && l.Buffered == uint64(sent) })
	put("agent.pem", folder)
	put("agent.key", folder)
	agent.AwaitDelivered(t, sent)
	sink.Await(t, sent)
	agent.Finish(t, sent)
}

// certificates makes an authority, a server's certificate for 127.0.0.1 and an agent's, as files.
func certificates(t *testing.T, folder string) {
	t.Helper()
	var ca *x509.Certificate
	var caKey *ecdsa.PrivateKey
	for i, name := range []string{"ca", "server", "agent"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: fmt.Sprint(name, " ", time.Now().UnixNano())},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if name == "ca" {
			cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage, cert.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
			ca, caKey = cert, key
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, ca, &key.PublicKey, caKey)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{
			name + ".pem": {Type: "CERTIFICATE", Bytes: der},
			name + ".key": {Type: "EC PRIVATE KEY", Bytes: private},
		} {
			if err := os.WriteFile(filepath.Join(folder, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
