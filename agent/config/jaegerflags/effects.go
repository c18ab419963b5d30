package jaegerflags

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// What can become of a flag. Each is called with its value where it is given,
// which is not always different from its default, and with the table's arg.

func nothing(*translator, given, string) {} // read elsewhere

// set takes the value over as it is.
func set(t *translator, g given, key string) { t.set(key, g, g.value) }

// warn says why there is no effect, and what to do instead. What is turned off
// needs none.
func warn(t *translator, g given, why string) {
	if g.value != "false" {
		t.warn(g, why)
	}
}

// adminTLS: here it is a certificate that turns TLS on.
func adminTLS(t *translator, g given, _ string) {
	if g.value == "true" && t.values["admin.http.tls.cert"].value == "" {
		t.fail(g, "there is no TLS without a certificate; give --admin.http.tls.cert and --admin.http.tls.key as well")
	}
}

// listen takes over an address to listen on. The Jaeger Agent takes a port
// alone, too (jaeger 1.62, cmd/agent/app/builder.go, portNumToHostPort).
func listen(t *translator, g given, key string) {
	address := g.value
	if _, err := strconv.Atoi(address); err == nil {
		address = ":" + address
	}
	t.set(key, g, address)
}

func logFormat(t *translator, g given, key string) {
	switch g.value {
	case "json":
		t.set(key, g, "json")
	case "console":
		t.set(key, g, "text")
	default:
		t.fail(g, "is not a choice; write json or console")
	}
}

// logLevel takes over a level of zap's. Nothing is logged here at the last
// three.
func logLevel(t *translator, g given, key string) {
	switch level := strings.ToLower(g.value); level {
	case "debug", "info", "warn", "error":
		t.set(key, g, level)
	case "dpanic", "panic", "fatal":
		t.set(key, g, "error")
	default:
		t.fail(g, "is not a choice; write debug, info, warn or error")
	}
}

func reporterType(t *translator, g given, _ string) {
	if g.value != "grpc" {
		t.fail(g, "is not a choice; write grpc, or set deliver.protocol in a --config file")
	}
}

func metricsBackend(t *translator, g given, _ string) {
	switch g.value {
	case "prometheus":
	case "none", "":
		t.warn(g, "metrics cost nothing while nobody asks for them; they stay at /metrics")
	default:
		t.fail(g, "is not a choice; write prometheus")
	}
}

func metricsRoute(t *translator, g given, _ string) {
	if g.value != "/metrics" {
		t.warn(g, "metrics are at /metrics, let Prometheus ask there")
	}
}

// socketBuffer: three flags are one key here, which becomes the largest.
func socketBuffer(t *translator, g given, key string) {
	n, _ := strconv.ParseInt(g.value, 0, 64) // it was checked
	if n < t.socketBuffer {
		return
	}
	t.socketBuffer = n
	t.set(key, g, strconv.FormatInt(n, 10)+"B")
}

// collectors are host:port, or one target as gRPC has it, whose port is 443
// where none is given (grpc-go, internal/resolver/dns).
func collectors(t *translator, g given, key string) {
	if g.value == "" {
		return
	}
	var list []string
	for target := range strings.SplitSeq(g.value, ",") {
		target = strings.TrimSpace(target)
		for _, scheme := range []string{"dns:", "passthrough:", "ipv4:", "ipv6:"} {
			rest, ok := strings.CutPrefix(target, scheme)
			if !ok {
				continue
			}
			if named, ok := strings.CutPrefix(rest, "//"); ok {
				_, rest, _ = strings.Cut(named, "/") // before it: the DNS server to ask
			}
			target = rest
			break
		}
		if target != "" && !strings.Contains(target, ":") {
			target += ":443"
		}
		list = append(list, target)
	}
	t.collectors = list
	t.set(key, g, strings.Join(list, ","))
}

// tags are key=value pairs. A value that is ${NAME} or ${NAME:default} is that
// variable's; with neither, the tag is left out if there is no colon, and empty
// if there is (jaeger 1.62, cmd/internal/flags/flags.go, ParseJaegerTags).
func tags(t *translator, g given, key string) {
	if g.value == "" {
		return
	}
	var names, values []string
	for pair := range strings.SplitSeq(g.value, ",") {
		name, value, ok := strings.Cut(pair, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			t.fail(g, strconv.Quote(pair)+" is no tag; write key=value, with commas between them")
			return
		}
		if inner, ok := strings.CutPrefix(value, "${"); ok && strings.HasSuffix(inner, "}") {
			variable, def, hasDef := strings.Cut(strings.TrimSuffix(inner, "}"), ":")
			if value = t.host.Getenv(variable); value == "" {
				value = def
			}
			if value == "" && !hasDef {
				continue
			}
		}
		if i := slices.Index(names, name); i >= 0 { // the last one counts
			values[i] = value
			continue
		}
		names, values = append(names, name), append(values, value)
	}
	yaml := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			yaml = append(yaml, ',')
		}
		yaml = append(append(appendJSON(yaml, name), ':'), appendJSON(nil, values[i])...)
	}
	t.set(key, g, string(append(yaml, '}')))
}

func appendJSON(b []byte, s string) []byte {
	j, _ := json.Marshal(s) // a string has no error
	return append(b, j...)
}

// literal keeps a value from being expanded once more.
func literal(s string) string { return strings.ReplaceAll(s, "${", "$${") }
