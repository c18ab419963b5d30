package config

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	env := func(name string) (string, bool) { return "node-1", name == "NODE_NAME" }
	for text, want := range map[string]string{
		`deliver: {endpoint: "c:4317"}`:            "",
		`deliver: {endpoint: "${NODE_NAME}:4317"}`: "",
		`deliver: {endpoint: "c:4317", tls: {enabled: true, ca: /a/ca.crt, cert: /a/b, key: /a/c}}`:    "",
		`deliver: {endpoint: "c:4317", tls: {enabled: true, cert: /a/b}}`:                              "a.yaml:1: deliver.tls.cert: \"/a/b\": has no key",
		`deliver: {endpoint: "${HOME}:4317"}`:                                                          "environment variable HOME is not set",
		`{deliver: {endpoint: "c:4317"}, tags: {a: "${file:/etc/passwd}"}}`:                            "file /etc/passwd: is on another machine",
		`deliver: {endpoint: "c:4317", tls: {enabled: true}, headers_from: /etc/wayside/headers}`:      "",
		`deliver: {endpoint: "c:4317", headers_from: /etc/wayside/headers}`:                            "would be sent without TLS",
		`{deliver: {endpoint: "localhost:4317"}}`:                                                      "own accept.otlp.grpc",
		`deliver: {endpoint: "c:4317", headers: {authorization: "Bearer ${file:/etc/wayside/token}"}}`: "is on another machine",
		``: "no collector is given",
	} {
		c, err := Parse("a.yaml", []byte(text), env)
		switch {
		case want == "" && (err != nil || len(c.Deliver.Endpoints) != 1):
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	c, err := Parse("a.yaml", []byte(`{deliver: {endpoint: "c:1"}, accept: {otlp: {grpc: "localhost:4317"}}}`), env)
	if err != nil || len(c.Accept.OTLP.GRPC) != 2 {
		t.Errorf("%v %v", c, err) // both loopbacks, whatever this machine has
	}
}
