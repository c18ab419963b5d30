package explain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/apiserver/fake"
)

func TestParseSubject(t *testing.T) {
	for text, want := range map[string]string{
		"pod/web-1": "pod shop/web-1", "web-1": "pod shop/web-1", "po/web.1": "pod shop/web.1",
		"deploy/web": "deployment shop/web", "Deployment/web": "deployment shop/web", "sts/db": "statefulset shop/db",
		"ds/x": "daemonset shop/x", "cj/x": "cronjob shop/x", "ns/shop": "namespace shop",
	} {
		s, err := ParseSubject(text, "shop")
		if err != nil || s.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"", "node/a", "pod/", "pod/a/b", "pod/../../secrets", "pod/A", "pod/a?b", "pod/a%2fb"} {
		if s, err := ParseSubject(text, "shop"); err == nil || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%q: got %v, %v; want an error that says what to write", text, s, err)
		}
	}
}

// Scripts rely on these names.
func TestJSON(t *testing.T) {
	s, server := readScene(t, "testdata/sidecar-outdated-collector-away.yaml")
	b, err := json.Marshal(look(t, s, server))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"subject":{"kind":"pod","namespace":"shop","name":"web-7d9f8c-a"}`,
		`{"level":"warn","says":"20 spans lost since the agent began","then":[`,
		`"gets":"sidecar","trace_agent":"shop/default","revision":"0a1b2c3d","outdated":true`,
		`"would":{"inject":true,"asked":true,"trace_agent":"shop/default","strategy":"Sidecar","revision":"5f0c2a91","code":"AlreadyInjected","reason":"`,
		`{"name":"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT","value":"http://127.0.0.1:4318"}`,
		`"accepted":12310,"recovered":0,"delivered":12000,"buffered":290,"dropped":{"buffer_full":20,"eaten":0}`,
		`{"way":"kernel_drops","count":7,"unit":"packets","what":"`,
		`"trace_agents":[{"namespace":"shop","name":"default","strategy":"Sidecar","endpoint":"collector.shop:4317","accepted":"True","ready":"True","pods":{"injected":2,"missed":1,"outdated":0}}]`,
		`"operator":"2 of 2 ready; its webhook is there"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	var permissions struct {
		Unknown []struct {
			Needs *apiserver.Permission `json:"needs"`
		} `json:"unknown"`
	}
	s, server = readScene(t, "testdata/sidecar-few-permissions.yaml")
	b, err = json.Marshal(look(t, s, server))
	if err == nil {
		err = json.Unmarshal(b, &permissions)
	}
	if err != nil || len(permissions.Unknown) != 6 {
		t.Fatalf("%v, %s", err, b)
	}
	for _, u := range permissions.Unknown {
		if u.Needs == nil || u.Needs.Verb == "" || u.Needs.Resource == "" {
			t.Errorf("no permission is named: %+v", u.Needs)
		}
	}
}

// A newer agent has ways of loss that this program has no words for: they are told
// all the same, and the account is still held against its promise.
func TestLossesOfANewerAgent(t *testing.T) {
	s, err := readStatus([]byte(`{"lanes":[{"accepted":10,"delivered":7,"dropped":{"eaten":2,"expired":1},"refused":{"rude":3},"new":{}}],"newer":1}`))
	if err != nil {
		t.Fatal(err)
	}
	l := s.Lanes[0]
	if err := l.check(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, loss := range l.losses() {
		got = append(got, loss.Way+" "+loss.count())
	}
	if want := []string{"dropped.expired 1 span", "dropped.eaten 2 spans", "refused.rude 3 packets or requests"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	l.Delivered++
	if l.check() == nil {
		t.Error("one span too many, and it adds up")
	}
	for _, not := range []string{"", "<html>", `{"lanes":[]}`, `{"status":"Server available"}`} {
		if _, err := readStatus([]byte(not)); err == nil {
			t.Errorf("%q was taken for a status", not)
		}
	}
}

func TestSubjectThatIsNotThere(t *testing.T) {
	h := httptest.NewServer(&fake.Server{Forbid: []string{"get pods in namespace shop"}})
	defer h.Close()
	c, err := apiserver.New(&rest.Config{Host: h.URL}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		s    Subject
		want string
	}{
		{Subject{"pod", "shop", "web"}, "you may not get pods in namespace shop"},
		{Subject{"pod", "other", "web"}, "there is no pod web in namespace other; -n NAMESPACE names another"},
		{Subject{"namespace", "", "nowhere"}, "there is no namespace nowhere"},
	} {
		if _, err := Gather(t.Context(), c, x.s, Options{}); err == nil || err.Error() != x.want {
			t.Errorf("%v: got %v, want %s", x.s, err, x.want)
		}
	}
}

// Arguments are read as cmd/wayside-operator reads them.
func TestOperatorsOptions(t *testing.T) {
	for _, x := range []struct {
		args       []string
		agent      string
		namespaces []string
	}{
		{nil, "sys/default", []string{"sys"}},
		{[]string{"--default-agent=", "--daemonset-namespaces="}, "/", nil},
		{[]string{"--default-agent", "obs/all", "-daemonset-namespaces", "a, b,"}, "obs/all", []string{"a", "b"}},
		{[]string{"--default-agent=mine", "--log-level=debug"}, "sys/mine", []string{"sys"}},
	} {
		o := readOptions(corev1.Container{Args: x.args}, "sys")
		if o.Default.String() != x.agent || !slices.Equal(o.DaemonSetNamespaces, x.namespaces) {
			t.Errorf("%q: got %s, %q", x.args, o.Default, o.DaemonSetNamespaces)
		}
	}
}

// The handshake is the API server's: a certificate of another authority, or for
// another name, or one that has ended, is told.
func TestHandshake(t *testing.T) {
	now := time.Now()
	good, bundle := certificate(t, "wayside-operator.wayside-system.svc", now.Add(time.Hour))
	_, other := certificate(t, "wayside-operator.wayside-system.svc", now.Add(time.Hour))
	for _, x := range []struct {
		name, host string
		bundle     []byte
		at         time.Time
		want       string
	}{
		{"good", "wayside-operator.wayside-system.svc", bundle, now, ""},
		{"another authority", "wayside-operator.wayside-system.svc", other, now, "does not trust: x509: certificate signed by unknown authority"},
		{"another name", "other.wayside-system.svc", bundle, now, "does not trust: x509: certificate is valid for wayside-operator.wayside-system.svc, not other"},
		{"ended", "wayside-operator.wayside-system.svc", bundle, now.Add(2 * time.Hour), "does not trust: x509: certificate has expired"},
	} {
		client, server := net.Pipe()
		go func() {
			c := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{good}})
			_ = c.Handshake() // the client says what is wrong
			server.Close()
		}()
		if got := shake(t.Context(), client, x.host, x.bundle, x.at); !strings.Contains(got, x.want) || (x.want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", x.name, got, x.want)
		}
		client.Close()
	}
	client, server := net.Pipe()
	go func() {
		b := make([]byte, 1024)
		_, _ = server.Read(b)
		server.Close()
	}()
	if got := shake(t.Context(), client, "x", bundle, now); !strings.HasPrefix(got, "does not answer: ") {
		t.Errorf("got %q", got)
	}
}

// certificate is one that has signed itself.
func certificate(t *testing.T, name string, end time.Time) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: end.Add(-24 * time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
