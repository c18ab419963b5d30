package config

import "strings"

// checkDelivery checks what the keys of deliver say together.
func (l *loader) checkDelivery() {
	d := &l.config.Deliver
	plain, secure := 0, 0
	for _, e := range d.Endpoints {
		switch {
		case strings.HasPrefix(e, "https:") || !isURL(e) && d.TLS.Enabled:
			secure++
		default:
			plain++
		}
		l.checkForm(e)
	}
	if len(l.errs) > 0 {
		return // what follows would say the same in other words
	}
	if key := headersKey(d.Headers, d.HeadersFrom); plain > 0 && key != "" && !d.AllowPlaintext {
		l.failKey(key, "would be sent without TLS, for everybody on the way to read; "+l.turnOn()+", or set deliver.allow_plaintext: true")
	}
	if d.Protocol == "jaeger-grpc" && d.Compression == "zstd" {
		l.failValue("deliver.compression", d.Compression, "Jaeger's collectors do not know it; write gzip or none")
	}
	l.checkHeadersFrom()
	l.checkTLS("deliver.tls", &d.TLS, secure > 0, l.turnOn())
}

// headersKey is the key that has headers sent, or "".
func headersKey(headers []Header, from string) string {
	switch {
	case len(headers) > 0:
		return "deliver.headers"
	case from != "":
		return "deliver.headers_from"
	}
	return ""
}

// checkForm holds an endpoint against the protocol.
func (l *loader) checkForm(endpoint string) {
	d := &l.config.Deliver
	host, port := hostPort(endpoint)
	switch {
	case d.Protocol == "otlp-http" && !isURL(endpoint):
		l.failValue("deliver.endpoint", endpoint, "otlp-http takes a URL; write http://"+withPort(host, port)+" or https://…, /v1/traces is added")
	case d.Protocol == "otlp-http" && d.TLS.Enabled && strings.HasPrefix(endpoint, "http:"):
		l.failValue("deliver.endpoint", endpoint, "is without TLS, but deliver.tls.enabled is true; write https://, or remove that key")
	case d.Protocol != "otlp-http" && strings.HasPrefix(endpoint, "http:"):
		if port == "80" {
			port = grpcPorts[d.Protocol]
		}
		l.failValue("deliver.endpoint", endpoint, d.Protocol+" takes host:port, not a URL; write "+withPort(host, port)+", or set deliver.protocol: otlp-http")
	case d.Protocol != "otlp-http" && strings.HasPrefix(endpoint, "https:"):
		l.failValue("deliver.endpoint", endpoint, d.Protocol+" takes host:port, not a URL; write "+withPort(host, port)+" and set deliver.tls.enabled: true; or set deliver.protocol: otlp-http")
	}
}

// grpcPorts are the usual ones.
var grpcPorts = map[string]string{"otlp-grpc": "4317", "jaeger-grpc": "14250"}

// turnOn is how TLS is turned on.
func (l *loader) turnOn() string {
	if l.config.Deliver.Protocol == "otlp-http" {
		return "write https:// in deliver.endpoint"
	}
	return "set deliver.tls.enabled: true"
}

// checkTLS checks a group of keys for TLS. on is how it is turned on.
func (l *loader) checkTLS(group string, t *ClientTLS, used bool, on string) {
	if !used {
		for _, k := range []struct {
			name, value string
			set         bool
		}{
			{"ca", t.CA, t.CA != ""},
			{"cert", t.Cert, t.Cert != ""},
			{"key", t.Key, t.Key != ""},
			{"server_name", t.ServerName, t.ServerName != ""},
			{"skip_verify", "true", t.SkipVerify},
		} {
			if k.set {
				l.failValue(group+"."+k.name, k.value, "has no effect without TLS; "+on+", or remove it")
			}
		}
		return
	}
	l.checkAuthorities(group+".ca", t.CA)
	l.checkPair(group, t.Cert, t.Key)
}
