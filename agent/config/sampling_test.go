package config

import (
	"reflect"
	"strings"
	"testing"
)

// Sources are spelt in one way.
func TestSamplingSources(t *testing.T) {
	for value, want := range map[string][]string{
		"":                                 nil,
		"/etc/wayside/strategies.json":     {"/etc/wayside/strategies.json"},
		"http://jaeger:5778":               {"http://jaeger:5778/sampling"},
		"https://jaeger/":                  {"https://jaeger/sampling"},
		"http://jaeger:14268/api/sampling": {"http://jaeger:14268/api/sampling"},
		"http://jaeger:5778/?tenant=a":     {"http://jaeger:5778/?tenant=a"},
		"http://files/s.json?v=1":          {"http://files/s.json?v=1"},
		"Jaeger:14250":                     {"jaeger:14250"},
		"dns:///jaeger:14250":              {"jaeger:14250"},
		"a:14250, b:14250":                 {"a:14250", "b:14250"},
		"http://a/x, http://b/x":           {"http://a/x", "http://b/x"},
		"[::1]:14250":                      {"[::1]:14250"},
	} {
		c, err := loadText("sampling: {source: '"+value+"'}", endpoint("collector:4317"))
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := c.Sampling.Sources; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

func TestSamplingErrors(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"{source: strategies.json}", `sampling.source: "strategies.json": is no path, URL or address; write the whole path of a file, http://host:port/path, or a collector's host:14250`},
		{"{source: ./strategies.json}", `sampling.source: "./strategies.json": is no path, URL or address; write the whole path of a file, http://host:port/path, or a collector's host:14250`},
		{"{source: 'grpcs://jaeger'}", `sampling.source: "grpcs://jaeger": "grpcs" is not a scheme that is asked by; write jaeger:14250 for gRPC, and set sampling.tls.enabled: true for TLS; or http://…, https://…`},
		{"{source: 'http://u:p@jaeger/x'}", `sampling.source: "http://u:p@jaeger/x": has a password in it; write http://jaeger without; sources are asked without credentials but a certificate`},
		{"{source: 'http:///x'}", `sampling.source: "http:///x": is not a URL; write http://host:port/path`},
		{"{source: 'http://jaeger:0/x'}", `sampling.source: "http://jaeger:0/x": port 0 can't be asked; write http://host:5778/sampling`},
		{"{source: 'http://jaeger/x#y'}", `sampling.source: "http://jaeger/x#y": has a fragment; end it before the #`},
		{"{source: [/a, 'b:1']}", `sampling.source: "b:1": a file stands alone; remove the others`},
		{"{source: ['a:1', 'http://b/']}", `sampling.source: "http://b/sampling": is a URL beside a collector; write sources of one kind`},
		{"{source: 'localhost:5778'}", `sampling.source: "localhost:5778": is this agent's own control.http; write the collector's address`},
		{"{source: 'http://127.0.0.1:5778'}", `sampling.source: "http://127.0.0.1:5778/sampling": is this agent's own control.http; write the collector's address`},
		{"{source: /a, tls: {enabled: true}}", `sampling.tls.enabled: "true": has no effect without a collector in sampling.source; write https:// in a URL, or remove it`},
		{"{source: 'a:1', tls: {ca: /tls/ca.pem}}", `sampling.tls.ca: "/tls/ca.pem": has no effect without TLS; set sampling.tls.enabled: true, or write https:// in sampling.source, or remove it`},
		{"{source: 'https://a/', tls: {cert: /tls/cert.pem}}", `sampling.tls.cert: "/tls/cert.pem": has no key; set sampling.tls.key`},
	} {
		_, err := loadText("sampling: "+c.yaml, endpoint("collector:4317"))
		got := "it is taken"
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "a.yaml:1: ")
		}
		if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.yaml, got, c.want)
		}
	}
}
