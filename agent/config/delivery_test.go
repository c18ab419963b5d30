package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Endpoints of otlp-http are URLs, and are spelt in one way.
func TestEndpointURLs(t *testing.T) {
	for value, want := range map[string]string{
		"http://c":                    "http://c/v1/traces",
		"HTTP://Collector.Example:80": "http://collector.example:80/v1/traces",
		"https://c:4318/":             "https://c:4318/v1/traces",
		"https://c/otlp/v1/traces":    "https://c/otlp/v1/traces",
		"http://[::0001]:4318":        "http://[::1]:4318/v1/traces",
		"http://[fd00::7]/x":          "http://[fd00::7]/x",
		"http://10.0.0.1:04318":       "http://10.0.0.1:4318/v1/traces",
	} {
		c, err := loadText("deliver: {protocol: otlp-http, endpoint: '" + value + "'}")
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := c.Deliver.Endpoints; !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s: %q, want %s", value, got, want)
		}
	}
}

// An endpoint as gRPC spells it is what stands in it.
func TestTargetOfGRPC(t *testing.T) {
	for _, protocol := range []string{"otlp-grpc", "jaeger-grpc"} {
		c, err := loadText("deliver: {protocol: " + protocol + ", endpoint: 'dns:///jaeger-collector.example:14250'}")
		if err != nil || !reflect.DeepEqual(c.Deliver.Endpoints, []string{"jaeger-collector.example:14250"}) {
			t.Errorf("%s: %q, %v", protocol, c.Deliver.Endpoints, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	c, err := loadText(`
deliver:
  endpoint: https://c
  protocol: otlp-http
  headers:
    X-Tenant: ${HOST}
    Authorization: Bearer ${file:/run/bad}
    X-Literal: s3cret
    x-mixed: s3cret-${HOST}-${file:/run/bad}
    x-default: ${NONE:s3cret}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Header{
		{"authorization", []Part{{Text: "Bearer "}, {File: "/run/bad"}}, "Bearer ${file:/run/bad}"},
		{"x-default", []Part{{Text: "s3cret"}}, "***"},
		{"x-literal", []Part{{Text: "s3cret"}}, "***"},
		{"x-mixed", []Part{{Text: "s3cret-collector-1-"}, {File: "/run/bad"}}, "***"},
		{"x-tenant", []Part{{Text: "collector-1"}}, "${HOST}"},
	}
	if got := c.Deliver.Headers; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	// Nothing that people see has a value in it.
	var yaml strings.Builder
	_ = c.Effective().WriteYAML(&yaml)
	text, err := json.Marshal(c.Effective())
	if err != nil {
		t.Fatal(err)
	}
	for name, shown := range map[string]string{"YAML": yaml.String(), "JSON": string(text)} {
		if strings.Contains(shown, "s3cret") || strings.Contains(shown, "collector-1") {
			t.Errorf("%s shows a secret: %s", name, shown)
		}
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if got := m["deliver.headers"]; !reflect.DeepEqual(got, map[string]any{
		"authorization": "Bearer ${file:/run/bad}", "x-default": "***", "x-literal": "***", "x-mixed": "***", "x-tenant": "${HOST}",
	}) {
		t.Errorf("%v", got)
	}
}

// What is wrong with headers is said without their values.
func TestHeaderErrorsHaveNoValues(t *testing.T) {
	for _, c := range wrongs {
		if strings.Contains(c.name, "header") && strings.Contains(c.want, "s3cret") {
			t.Errorf("%s shows the value", c.name)
		}
	}
}

func TestTLSThatIsTaken(t *testing.T) {
	for _, yaml := range []string{
		"deliver: {endpoint: 'c:1', tls: {enabled: true, server_name: other.example, skip_verify: true}, headers: {a: b}}",
		"deliver: {endpoint: 'https://c', protocol: otlp-http, tls: {enabled: true, server_name: 10.0.0.1}, headers: {a: b}}",
		"deliver: {endpoint: ['https://c', 'http://d'], protocol: otlp-http, tls: {skip_verify: true}, headers: {a: b}, allow_plaintext: true}",
	} {
		if _, err := loadText(yaml); err != nil {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

// A folder of headers need not be there, and none of its values is shown.
func TestHeadersFrom(t *testing.T) {
	for _, folder := range []string{"/run/headers", "/run/none"} {
		c, err := loadText("deliver: {endpoint: 'c:1', tls: {enabled: true}, headers_from: " + folder + "}")
		if err != nil {
			t.Fatal(err)
		}
		if c.Deliver.HeadersFrom != folder || len(c.Deliver.Headers) > 0 {
			t.Errorf("%+v", c.Deliver)
		}
		var b bytes.Buffer
		_ = c.Effective().WriteYAML(&b)
		if strings.Contains(b.String(), "s3cret") || !strings.Contains(b.String(), folder) {
			t.Errorf("shown as\n%s", &b)
		}
	}
}
