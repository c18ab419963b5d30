package config

import (
	"strings"
	"testing"
)

// wrongs are configurations and all that is said of them, to the letter: these
// lines are what an operator has.
var wrongs = []struct{ name, yaml, want string }{
	{"no endpoint", "", `a.yaml: deliver.endpoint: no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file`},
	{"endpoint off", "deliver: {endpoint: ''}", `a.yaml:1: deliver.endpoint: no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file`},

	{"unknown key", "delivery: {}", `a.yaml:1: delivery: unknown key; did you mean deliver?`},
	{"unknown below", "deliver:\n  batch:\n    size: 1MiB", `a.yaml:3: deliver.batch.size: unknown key; in deliver.batch are: bytes, age`},
	{"typing error below", "deliver:\n  compresion: gzip", `a.yaml:2: deliver.compresion: unknown key; did you mean deliver.compression?`},
	{"key of elsewhere", "endpoint: a:1", `a.yaml:1: endpoint: unknown key; did you mean deliver.endpoint?`},
	{"nothing near", "quux: 1", `a.yaml:1: quux: unknown key; here are: accept, buffer, deliver, tags, sampling, control, admin, log, drain_timeout, stop_delay`},
	{"dotted", "deliver.batch.bytes: 1KiB", `a.yaml:1: deliver.batch.bytes: keys are nested; write deliver: {batch: {bytes: …}}`},
	{"merge key", "x: &x {pprof: true}\nadmin: {<<: *x}", "a.yaml:1: x: unknown key; here are: accept, buffer, deliver, tags, sampling, control, admin, log, drain_timeout, stop_delay\n" +
		`a.yaml:2: admin.<<: unknown key; in admin are: http, tls, pprof`},
	{"twice", "buffer: {memory: 4MiB}\nbuffer: {memory: 8MiB}", `a.yaml:2: buffer: is here a second time, first in line 1; remove one`},
	{"twice below", "buffer:\n  memory: 4MiB\n  memory: 8MiB", `a.yaml:3: buffer.memory: is here a second time, first in line 2; remove one`},
	{"key of several lines", "buffer: {a\n\nb}", `a.yaml:1: "buffer.a\nb": unknown key; in buffer are: memory, disk, max_age`},
	{"long key", strings.Repeat("x", 120) + ": 1", `a.yaml:1: "` + strings.Repeat("x", 100) + `"…: unknown key; here are: accept, buffer, deliver, tags, sampling, control, admin, log, drain_timeout, stop_delay`},
	{"long value", "log: {level: " + strings.Repeat("x", 120) + "}", `a.yaml:1: log.level: "` + strings.Repeat("x", 100) + `"…: is not a choice; write debug or info or warn or error`},
	{"key is a list", "? [a]\n: b", `a.yaml:1: a key is a word; its value follows a colon and a space`},

	{"later top", "lanes: []", "a.yaml:1: lanes: not in this version yet; remove it"},
	{"tags, no names", "tags: [a=b]", "a.yaml:1: tags: is not names with values; write {name: value}"},
	{"tag twice", "tags:\n  a: b\n  'a': c", `a.yaml:1: tags.a: "c": is there twice; remove one`},
	{"tag without a value", "tags: {a: }", `a.yaml:1: tags.a: "": has no value; write one in quotes, or remove it`},
	{"tag with an odd name", "tags: {'a b': c}", `a.yaml:1: "tags.a b": "c": is not the name of an attribute; write a word, like deployment.environment.name`},
	{"tag of a variable that is not set", "tags: {a: '${NONE}'}", `a.yaml:1: tags.a: "${NONE}": environment variable NONE is not set; set it, or give a default: ${NONE:default}`},
	{"tags, too large", "tags: {a: '" + strings.Repeat("x", 4096) + "'}", "a.yaml:1: tags: are 1 with 4097 bytes; write 64 at most, of 4KiB together: each span may carry all of them"},

	{"not a mapping", "collector:4317", `a.yaml:1: "collector:4317": a configuration is keys and values, like deliver: {endpoint: collector:4317}`},
	{"a list", "- a", `a.yaml:1: a configuration is keys and values, like deliver: {endpoint: collector:4317}`},
	{"value for a group", "deliver: collector:4317", `a.yaml:1: deliver: "collector:4317": has keys of its own (endpoint, protocol, headers, headers_from, allow_plaintext, batch, compression, tls, timeout), no value`},
	{"list for a group", "deliver: [a]", `a.yaml:1: deliver: has keys of its own (endpoint, protocol, headers, headers_from, allow_plaintext, batch, compression, tls, timeout), no value`},
	{"group for a value", "buffer: {memory: {x: 1}}", `a.yaml:1: buffer.memory: is not one value; it takes size, 2MiB to 1GiB`},
	{"list for a value", "buffer: {memory: [8MiB]}", `a.yaml:1: buffer.memory: is not one value; it takes size, 2MiB to 1GiB`},
	{"group in a list", "deliver: {endpoint: [{a: 1}]}", `a.yaml:1: deliver.endpoint: is not a value or a list of values; it takes host:port, a URL for otlp-http; or a list`},
	{"no value", "buffer:\n  memory:\n", `a.yaml:2: buffer.memory: has no value; write one, or remove the key to get the default, 8MiB`},
	{"null", "deliver: {endpoint: null}", `a.yaml:1: deliver.endpoint: has no value; write one, or remove the key to get the default, ""`},
	{"alias", "deliver: {endpoint: &e 'a:1'}\nadmin: {http: *e}", `a.yaml:2: admin.http: aliases are not understood here; write the value itself`},

	{"tab", "deliver:\n\tendpoint: a:1", `a.yaml:2: is not YAML: found character that cannot start any token (YAML is indented with spaces, never with tabs)`},
	{"broken", "deliver: {endpoint: [a:1}", `a.yaml: is not YAML: did not find expected ',' or ']'`},
	{"reference in a flow mapping", "deliver: {endpoint: ${HOST}:1}", `a.yaml: is not YAML: did not find expected ',' or '}' (between { and } a value with ${…} stands in quotes)`},
	{"binary", "\x00\x01", `a.yaml: is not YAML: control characters are not allowed`},
	{"two documents", "log: {level: info}\n---\nlog: {level: warn}", `a.yaml:2: a second document begins; a configuration is one document, remove the --- between them`},

	{"size without unit", "buffer: {memory: 8388608}", `a.yaml:1: buffer.memory: "8388608": has no unit; write 8MiB`},
	{"size, other unit", "buffer: {memory: 8M}", `a.yaml:1: buffer.memory: "8M": "M" is not a unit of size; write 8MiB`},
	{"size, Kubernetes' unit", "buffer: {memory: 8Mi}", `a.yaml:1: buffer.memory: "8Mi": "Mi" is not a unit of size; write 8MiB`},
	{"size, wrong unit", "buffer: {memory: 8 apples}", `a.yaml:1: buffer.memory: "8 apples": "apples" is not a unit of size; the units are B, KiB, MiB, GiB, kB, MB, GB`},
	{"size, fraction", "buffer: {memory: 1.5MiB}", `a.yaml:1: buffer.memory: "1.5MiB": ".5MiB" is not a unit of size; the units are B, KiB, MiB, GiB, kB, MB, GB`},
	{"size, word", "buffer: {memory: lots}", `a.yaml:1: buffer.memory: "lots": is not a size; write a whole number and a unit, like 4MiB`},
	{"size, negative", "buffer: {memory: -8MiB}", `a.yaml:1: buffer.memory: "-8MiB": is not a size; write a whole number and a unit, like 4MiB`},
	{"size, empty", "buffer: {memory: ''}", `a.yaml:1: buffer.memory: "": is not a size; write a whole number and a unit, like 4MiB`},
	{"size, too many digits", "buffer: {memory: 99999999999B}", `a.yaml:1: buffer.memory: "99999999999B": is too large; use a larger unit (KiB, MiB, GiB)`},
	{"size, too small", "buffer: {memory: 1MiB}", `a.yaml:1: buffer.memory: "1MiB": is too small; write at least 2MiB`},
	{"size, too large", "buffer: {memory: 2GiB}", `a.yaml:1: buffer.memory: "2GiB": is too large; write at most 1GiB`},
	{"batch too large", "deliver: {batch: {bytes: 4MiB}}", `a.yaml:1: deliver.batch.bytes: "4MiB": is too large; write at most 512KiB`},

	{"size that can't be in bytes", "buffer: {memory: 16}", `a.yaml:1: buffer.memory: "16": has no unit; write 16MiB`},
	{"size with a space for a unit", "buffer: {memory: '8 '}", `a.yaml:1: buffer.memory: "8 ": has no unit; write 8MiB`},
	{"size of more than 32 bits with a space for a unit", "buffer: {memory: '3000000000 '}", `a.yaml:1: buffer.memory: "3000000000 ": has no unit; write a size from 2MiB to 1GiB`},
	{"duration without unit", "drain_timeout: 5", `a.yaml:1: drain_timeout: "5": has no unit; write 5s`},
	{"duration zero without unit", "drain_timeout: 0", `a.yaml:1: drain_timeout: "0": has no unit; write 0s`},
	{"duration, days", "buffer: {max_age: 1d}", `a.yaml:1: buffer.max_age: "1d": days are not a unit; write hours, like 24h`},
	{"duration, word", "deliver: {timeout: soon}", `a.yaml:1: deliver.timeout: "soon": is not a duration; write a number and a unit, like 500ms, 10s or 24h`},
	{"duration, too short", "deliver: {timeout: 1ms}", `a.yaml:1: deliver.timeout: "1ms": is too short; write at least 100ms`},
	{"duration, negative", "deliver: {timeout: -10s}", `a.yaml:1: deliver.timeout: "-10s": is too short; write at least 100ms`},
	{"duration, too long", "deliver: {timeout: 1h}", `a.yaml:1: deliver.timeout: "1h": is too long; write at most 5m`},

	{"choice", "deliver: {compression: lz4}", `a.yaml:1: deliver.compression: "lz4": is not a choice; write gzip or zstd or none`},
	{"relative directory", "buffer: {disk: {path: spans}}", `a.yaml:1: buffer.disk.path: "spans": depends on where the agent is started; write the whole path, like /var/lib/wayside`},
	{"small disk", "deliver: {endpoint: 'c:1'}\nbuffer: {disk: {path: /x, size: 16MiB}, memory: 12MiB}", `a.yaml:2: buffer.disk.size: "16MiB": is less than twice buffer.memory; write at least 24MiB, or a smaller buffer.memory`},
	{"disk sync", "buffer: {disk: {sync: never}}", `a.yaml:1: buffer.disk.sync: "never": is not a choice; write interval or always`},
	{"Jaeger and zstd", "deliver: {endpoint: 'c:1', protocol: jaeger-grpc, compression: zstd}", `a.yaml:1: deliver.compression: "zstd": Jaeger's collectors do not know it; write gzip or none`},
	{"Jaeger and a URL", "deliver: {endpoint: 'http://c', protocol: jaeger-grpc}", `a.yaml:1: deliver.endpoint: "http://c/v1/traces": jaeger-grpc takes host:port, not a URL; write c:14250, or set deliver.protocol: otlp-http`},
	{"bool", "admin: {pprof: yes}", `a.yaml:1: admin.pprof: "yes": is neither true nor false; write one of them`},

	{"URL", "deliver: {endpoint: 'http://collector:4317'}", `a.yaml:1: deliver.endpoint: "http://collector:4317/v1/traces": otlp-grpc takes host:port, not a URL; write collector:4317, or set deliver.protocol: otlp-http`},
	{"URL with path", "deliver: {endpoint: 'http://c/v1/traces'}", `a.yaml:1: deliver.endpoint: "http://c/v1/traces": otlp-grpc takes host:port, not a URL; write c:4317, or set deliver.protocol: otlp-http`},
	{"URL with TLS", "deliver: {endpoint: 'https://c:443'}", `a.yaml:1: deliver.endpoint: "https://c:443/v1/traces": otlp-grpc takes host:port, not a URL; write c:443 and set deliver.tls.enabled: true; or set deliver.protocol: otlp-http`},
	{"gRPC's scheme", "deliver: {endpoint: 'grpcs://c:443'}", `a.yaml:1: deliver.endpoint: "grpcs://c:443": gRPC takes host:port, not a URL; write c:443 and set deliver.tls.enabled: true`},
	{"gRPC's target with a name server", "deliver: {endpoint: 'dns://10.0.0.1/c:4317'}", `a.yaml:1: deliver.endpoint: "dns://10.0.0.1/c:4317": a name server can't be chosen here; write host:port, like collector:4317`},
	{"URL with a password", "deliver: {endpoint: 'http://me:secret@[::1]/x'}", `a.yaml:1: deliver.endpoint: "http://me:secret@[::1]/x": has a password in it; write http://[::1]:4318 and set deliver.headers: {authorization: …}`},
	{"no URL at all", "deliver: {endpoint: 'a://'}", `a.yaml:1: deliver.endpoint: "a://": gRPC takes host:port, not a URL; write collector:4317`},
	{"unix endpoint", "deliver: {endpoint: 'unix:/x'}", `a.yaml:1: deliver.endpoint: "unix:/x": unix sockets are not in this version yet; write host:port`},
	{"no port", "deliver: {endpoint: collector}", `a.yaml:1: deliver.endpoint: "collector": has no port; write host:port, like collector:4317`},
	{"no host", "deliver: {endpoint: ':4317'}", `a.yaml:1: deliver.endpoint: ":4317": has no host; write localhost:4317 or the collector's name`},
	{"only a port", "deliver: {endpoint: 4317}", `a.yaml:1: deliver.endpoint: "4317": is a port without a host; write collector:4317`},
	{"port zero", "deliver: {endpoint: 'c:0'}", `a.yaml:1: deliver.endpoint: "c:0": port 0 can't be sent to; write c:4317`},
	{"port too large", "deliver: {endpoint: 'c:65536'}", `a.yaml:1: deliver.endpoint: "c:65536": port "65536" is not a number from 0 to 65535; write host:port, like collector:4317`},
	{"IPv6 without brackets", "deliver: {endpoint: 'fd00::7'}", `a.yaml:1: deliver.endpoint: "fd00::7": has no port; write [fd00::7]:4317`},
	{"too many colons", "deliver: {endpoint: 'a:b:1'}", `a.yaml:1: deliver.endpoint: "a:b:1": is not host:port; an IPv6 address stands in brackets, like [::1]:4317`},
	{"no name", "deliver: {endpoint: 'a b:1'}", `a.yaml:1: deliver.endpoint: "a b:1": is not a host name or an IP address; write host:port, like collector:4317`},
	{"one of a list", "deliver:\n  endpoint:\n  - a:1\n  - b\n", `a.yaml:4: deliver.endpoint: "b": has no port; write host:port, like collector:4317`},
	{"empty in a list", "deliver: {endpoint: [a:1, '']}", `a.yaml:1: deliver.endpoint: "": is empty; remove it, or write host:port, like collector:4317`},
	{"same twice", "deliver: {endpoint: [a:1, A:1]}", `a.yaml:1: deliver.endpoint: "A:1": is there twice; remove one`},

	{"HTTP without a URL", "deliver: {endpoint: 'c:4318', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "c:4318": otlp-http takes a URL; write http://c:4318 or https://…, /v1/traces is added`},
	{"URL without a host", "deliver: {endpoint: 'http:///x', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "http:///x": has no host; write http://x:4318/v1/traces`},
	{"URL with a wild port", "deliver: {endpoint: 'http://c:70000', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "http://c:70000": port "70000" is not a number from 1 to 65535; write http://c:4318/v1/traces`},
	{"URL that is none", "deliver: {endpoint: 'http://c:x', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "http://c:x": is not a URL; write http://collector:4318/v1/traces`},
	{"URL with a query", "deliver: {endpoint: 'http://c/?key=1', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "http://c/?key=1": has more than a path; end it before the ? or #, and put keys into deliver.headers`},
	{"same URL twice", "deliver: {endpoint: ['http://c', 'HTTP://C/v1/traces'], protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "HTTP://C/v1/traces": is there twice; remove one`},
	{"own listener by URL", "deliver: {endpoint: 'http://localhost:14271/x', protocol: otlp-http}", `a.yaml:1: deliver.endpoint: "http://localhost:14271/x": is this agent's own admin.http; write the collector's address`},
	{"URL against tls.enabled", "deliver: {endpoint: 'http://c', protocol: otlp-http, tls: {enabled: true}}", `a.yaml:1: deliver.endpoint: "http://c/v1/traces": is without TLS, but deliver.tls.enabled is true; write https://, or remove that key`},

	{"admin without a key", "admin: {tls: {cert: /tls/cert.pem}}\ndeliver: {endpoint: 'c:1'}", `a.yaml:1: admin.tls.cert: "/tls/cert.pem": has no key; set admin.tls.key`},
	{"admin's clients without TLS", "admin: {tls: {client_ca: /tls/ca.pem}}\ndeliver: {endpoint: 'c:1'}", `a.yaml:1: admin.tls.client_ca: "/tls/ca.pem": there is no TLS without a certificate; set admin.tls.cert and admin.tls.key as well`},
	{"headers without TLS", "deliver: {endpoint: 'c:1', headers: {a: b}}", `a.yaml:1: deliver.headers: would be sent without TLS, for everybody on the way to read; set deliver.tls.enabled: true, or set deliver.allow_plaintext: true`},
	{"headers to a URL without TLS", "deliver:\n  endpoint: ['https://c', 'http://d']\n  protocol: otlp-http\n  headers: {a: b}", `a.yaml:4: deliver.headers: would be sent without TLS, for everybody on the way to read; write https:// in deliver.endpoint, or set deliver.allow_plaintext: true`},
	{"header of the agent", "deliver: {headers: {Content-Type: x}}", `a.yaml:1: deliver.headers.Content-Type: is set by the agent itself; remove it`},
	{"header of gRPC", "deliver: {headers: {grpc-timeout: 1S}}", `a.yaml:1: deliver.headers.grpc-timeout: is set by the agent itself; remove it`},
	{"header with a wild name", "deliver: {headers: {'a b': x}}", `a.yaml:1: "deliver.headers.a b": is not a header's name; write letters, digits and -, like x-tenant`},
	{"header that is there twice", "deliver: {headers: {a: x, A: y}}", `a.yaml:1: deliver.headers.A: is there twice, names are not case-sensitive; remove one`},
	{"header without value", "deliver: {headers: {a: }}", `a.yaml:1: deliver.headers.a: has no value; write one in quotes, or remove the header`},
	{"header with an empty value", "deliver: {headers: {a: ''}}", `a.yaml:1: deliver.headers.a: has an empty value; write one, or remove the header`},
	{"header with a list", "deliver: {headers: {a: [s3cret]}}", `a.yaml:1: deliver.headers.a: has no value; write one in quotes, or remove the header`},
	{"header with a line break", "deliver: {headers: {a: \"s3cret\\nb: c\"}}", `a.yaml:1: deliver.headers.a: has a value with other characters than printable ASCII; check for line breaks in it or in its file`},
	{"header with a space at its end", "deliver: {headers: {a: 's3cret '}}", `a.yaml:1: deliver.headers.a: has a value with a space at an end; remove it`},
	{"header that is too long", "deliver: {headers: {a: " + strings.Repeat("x", 8193) + "}}", `a.yaml:1: deliver.headers.a: has a value of more than 8KiB; check the file that it comes from`},
	{"header from no file", "deliver: {headers: {a: '${file:/none}'}}", `a.yaml:1: deliver.headers.a: file /none: file does not exist; check the path and its permissions`},
	{"header from an empty name", "deliver: {headers: {a: '${file:}'}}", `a.yaml:1: deliver.headers.a: ${file:} names no file; write ${file:/path}`},
	{"header that was not shown", "deliver: {headers: {a: '***'}}", `a.yaml:1: deliver.headers.a: *** stands for a value that is not shown; write the value, or better ${file:/path}`},
	{"folder of headers without TLS", "deliver: {endpoint: 'c:1', headers_from: /run/none}", `a.yaml:1: deliver.headers_from: would be sent without TLS, for everybody on the way to read; set deliver.tls.enabled: true, or set deliver.allow_plaintext: true`},
	{"folder of headers, relative", "deliver: {endpoint: 'c:1', headers_from: headers}", `a.yaml:1: deliver.headers_from: "headers": depends on where the agent is started; write the whole path, like /var/lib/wayside`},
	{"folder of headers that is none", "deliver: {endpoint: 'c:1', allow_plaintext: true, headers_from: /run/not-a-folder}", `a.yaml:1: deliver.headers_from: "/run/not-a-folder": can't be read: not a directory; name a folder in which each file is a header`},
	{"folder of odd headers", "deliver: {endpoint: 'c:1', allow_plaintext: true, headers_from: /run/odd}", "a.yaml:1: deliver.headers_from: \"/run/odd/host\": is set by the agent itself; remove it\n" +
		"a.yaml:1: deliver.headers_from: \"/run/odd/x-a\": has a value with other characters than printable ASCII; check for line breaks in it or in its file\n" +
		"a.yaml:1: deliver.headers_from: \"/run/odd/x-b\": has an empty value; write one, or remove the header"},
	{"header in the folder and in the file", "deliver: {endpoint: 'c:1', allow_plaintext: true, headers_from: /run/headers, headers: {x-tenant: a}}", `a.yaml:1: deliver.headers_from: "/run/headers/X-Tenant": is in deliver.headers as well; remove one`},
	{"headers as a list", "deliver: {headers: [a]}", `a.yaml:1: deliver.headers: is not names with values; write {authorization: "Bearer ${file:/run/token}"}`},

	{"TLS keys without TLS", "deliver: {endpoint: 'c:1', tls: {ca: /ca.pem, server_name: c, skip_verify: true}}", `a.yaml:1: deliver.tls.ca: "/ca.pem": has no effect without TLS; set deliver.tls.enabled: true, or remove it
a.yaml:1: deliver.tls.server_name: "c": has no effect without TLS; set deliver.tls.enabled: true, or remove it
a.yaml:1: deliver.tls.skip_verify: "true": has no effect without TLS; set deliver.tls.enabled: true, or remove it`},
	{"TLS keys with http", "deliver: {endpoint: 'http://c', protocol: otlp-http, tls: {cert: /c.pem, key: /k.pem}}", `a.yaml:1: deliver.tls.cert: "/c.pem": has no effect without TLS; write https:// in deliver.endpoint, or remove it
a.yaml:1: deliver.tls.key: "/k.pem": has no effect without TLS; write https:// in deliver.endpoint, or remove it`},
	{"certificate without key", "deliver: {endpoint: 'https://c', protocol: otlp-http, tls: {cert: /c.pem}}", `a.yaml:1: deliver.tls.cert: "/c.pem": has no key; set deliver.tls.key`},
	{"key without certificate", "deliver: {endpoint: 'c:1', tls: {enabled: true, key: /k.pem}}", `a.yaml:1: deliver.tls.key: "/k.pem": has no certificate; set deliver.tls.cert`},
	{"no CA file", "deliver: {endpoint: 'c:1', tls: {enabled: true, ca: /none}}", `a.yaml:1: deliver.tls.ca: "/none": can't be read: file does not exist; check the path and its permissions`},
	{"no CA in the file", "deliver: {endpoint: 'c:1', tls: {enabled: true, ca: /run/bad}}", `a.yaml:1: deliver.tls.ca: "/run/bad": has no certificate in it; give a file of PEM, -----BEGIN CERTIFICATE-----`},
	{"no certificate in the file", "deliver: {endpoint: 'c:1', tls: {enabled: true, cert: /run/bad, key: /run/bad}}", `a.yaml:1: deliver.tls.cert: "/run/bad": can't be used with deliver.tls.key: tls: failed to find any PEM data in certificate input; give a certificate and its key, both PEM`},
	{"server name with a port", "deliver: {endpoint: 'c:1', tls: {enabled: true, server_name: 'c:1'}}", `a.yaml:1: deliver.tls.server_name: "c:1": is not a host name or an IP address; write the name that stands in the certificate, without a port`},

	{"listen on a name", "accept: {jaeger: {compact: 'myhost:6831'}}", `a.yaml:1: accept.jaeger.compact: "myhost:6831": a name can't be listened on; write an IP address, localhost:6831, or :6831 for every interface`},
	{"listen with a wild zone", "admin: {http: '[fe80::1%a b]:80'}", `a.yaml:1: admin.http: "[fe80::1%a b]:80": a name can't be listened on; write an IP address, localhost:80, or :80 for every interface`},
	{"listen on a star", "admin: {http: '*:80'}", `a.yaml:1: admin.http: "*:80": is no address; for every interface write :80`},
	{"listen on a port", "accept: {jaeger: {compact: 6831}}", `a.yaml:1: accept.jaeger.compact: "6831": is a port without a host; write localhost:6831`},
	{"listen without port", "accept: {jaeger: {compact: 10.0.0.1}}", `a.yaml:1: accept.jaeger.compact: "10.0.0.1": has no port; write 10.0.0.1:6831`},
	{"admin without port", "admin: {http: 127.0.0.1}", `a.yaml:1: admin.http: "127.0.0.1": has no port; write 127.0.0.1:14271`},
	{"listen on unix", "admin: {http: 'unix:/x'}", `a.yaml:1: admin.http: "unix:/x": a unix socket can't be listened on here; write ip:port`},
	{"unix without a path", "accept: {otlp: {grpc: 'unix:x'}}", `a.yaml:1: accept.otlp.grpc: "unix:x": is not an absolute path; write unix:/path`},
	{"unix with a long path", "accept: {otlp: {grpc: 'unix:/" + strings.Repeat("x", 103) + "'}}", `a.yaml:1: accept.otlp.grpc: "unix:/` + strings.Repeat("x", 94) + `"…: is too long for a socket; write a path of at most 103 bytes`},
	{"origin with a path", "accept: {otlp: {cors: 'https://a.example/'}}", `a.yaml:1: accept.otlp.cors: "https://a.example/": is more than an origin; write https://a.example`},
	{"origin without a scheme", "accept: {otlp: {cors: 'a.example'}}", `a.yaml:1: accept.otlp.cors: "a.example": is not the origin of a web page; write https://host or https://host:port, or * for any`},
	{"origin with a star", "accept: {otlp: {cors: 'https://*.example'}}", `a.yaml:1: accept.otlp.cors: "https://*.example": a part of an origin can't be left open; write each origin, or * for any`},
	{"certificate instead of its path", "accept: {tls: {cert: '${INJECT}'}}", `a.yaml:1: accept.tls.cert: "x:1\nadmin: {pprof: true}": is what a file holds; write its path`},
	{"certificate without key", "deliver: {endpoint: 'a:1'}\naccept: {tls: {cert: /c}}", `a.yaml:2: accept.tls.cert: "/c": has no key; set accept.tls.key`},
	{"key without certificate", "deliver: {endpoint: 'a:1'}\naccept: {tls: {key: /k}}", `a.yaml:2: accept.tls.key: "/k": has no certificate; set accept.tls.cert`},
	{"accept: no certificate in the file", "deliver: {endpoint: 'a:1'}\naccept: {tls: {cert: /run/bad, key: /none}}", `a.yaml:2: accept.tls.key: "/none": can't be read: file does not exist; check the path and its permissions`},
	{"accept: no key in the file", "deliver: {endpoint: 'a:1'}\naccept: {tls: {cert: /run/bad, key: /run/bad}}", `a.yaml:2: accept.tls.cert: "/run/bad": can't be used with accept.tls.key: tls: failed to find any PEM data in certificate input; give a certificate and its key, both PEM`},
	{"accept: no authority in the file", "deliver: {endpoint: 'a:1'}\naccept: {tls: {cert: /tls/cert.pem, key: /tls/key.pem, client_ca: /run/bad}}", `a.yaml:2: accept.tls.client_ca: "/run/bad": has no certificate in it; give a file of PEM, -----BEGIN CERTIFICATE-----`},
	{"authority without certificate", "deliver: {endpoint: 'a:1'}\naccept: {tls: {client_ca: /c}}", `a.yaml:2: accept.tls.client_ca: "/c": there is no TLS without a certificate; set accept.tls.cert and accept.tls.key as well`},

	{"variable not set", "deliver: {endpoint: '${NONE}:4317'}", `a.yaml:1: deliver.endpoint: "${NONE}:4317": environment variable NONE is not set; set it, or give a default: ${NONE:default}`},
	{"variable not closed", "deliver: {endpoint: '${NONE'}", `a.yaml:1: deliver.endpoint: "${NONE": ${ is not closed; write ${NAME}, or $${ for ${ itself`},
	{"no variable", "deliver: {endpoint: '${A-B}'}", `a.yaml:1: deliver.endpoint: "${A-B}": "A-B" is not the name of a variable; write ${NAME}, ${NAME:default} or ${file:/path}; $${ is ${ itself`},
	{"no file", "deliver: {endpoint: '${file:/none}'}", `a.yaml:1: deliver.endpoint: "${file:/none}": file /none: file does not exist; check the path and its permissions`},
	{"wrong value in a file", "deliver: {endpoint: '${file:/run/bad}'}", `a.yaml:1: deliver.endpoint: "${file:/run/bad}": has no port; write host:port, like collector:4317`},
	{"a value can't bring a key", "deliver: {endpoint: '${INJECT}'}", `a.yaml:1: deliver.endpoint: "x:1\nadmin: {pprof: true}": is not host:port; an IPv6 address stands in brackets, like [::1]:4317`},
	{"empty elements", "deliver: {endpoint: '${COMMA}'}", "a.yaml:1: deliver.endpoint: \"\": is empty; remove it, or write host:port, like collector:4317\n" +
		`a.yaml:1: deliver.endpoint: "": is empty; remove it, or write host:port, like collector:4317`},

	{"own listener", "deliver: {endpoint: 'localhost:14271'}", `a.yaml:1: deliver.endpoint: "localhost:14271": is this agent's own admin.http; write the collector's address`},
	{"own Jaeger port", "deliver: {endpoint: '127.0.0.1:6831'}", `a.yaml:1: deliver.endpoint: "127.0.0.1:6831": is this agent's own accept.jaeger.compact; write the collector's address`},
	{"own on every interface", "deliver: {endpoint: '10.1.2.3:80'}\nadmin: {http: ':80'}", `a.yaml:1: deliver.endpoint: "10.1.2.3:80": is this agent's own admin.http; write the collector's address`},
	{"own as an IPv4 address in IPv6", "deliver: {endpoint: '[::ffff:127.0.0.1]:14271'}", `a.yaml:1: deliver.endpoint: "[::ffff:127.0.0.1]:14271": is this agent's own admin.http; write the collector's address`},
	{"own with a dot at the end", "deliver: {endpoint: 'localhost.:14271'}", `a.yaml:1: deliver.endpoint: "localhost.:14271": is this agent's own admin.http; write the collector's address`},
	{"own by the machine's name", "deliver: {endpoint: 'here:80'}\nadmin: {http: ':80'}", `a.yaml:1: deliver.endpoint: "here:80": is this agent's own admin.http; write the collector's address`},
	{"own by the second loopback", "deliver: {endpoint: '[::1]:80'}\nadmin: {http: 'localhost:80'}", `a.yaml:1: deliver.endpoint: "[::1]:80": is this agent's own admin.http; write the collector's address`},
	{"two listeners", "deliver: {endpoint: 'a:1'}\naccept:\n  jaeger:\n    binary: 127.0.0.1:6831", `a.yaml:4: accept.jaeger.binary: "127.0.0.1:6831": is taken by accept.jaeger.compact (127.0.0.1:6831); give one of them another port`},
	{"two listeners, one on all", "deliver: {endpoint: 'a:1'}\naccept: {jaeger: {binary: ':6831'}}", `a.yaml:2: accept.jaeger.binary: ":6831": is taken by accept.jaeger.compact (127.0.0.1:6831); give one of them another port`},
	{"own OTLP port", "deliver: {endpoint: 'localhost:4317'}", `a.yaml:1: deliver.endpoint: "localhost:4317": is this agent's own accept.otlp.grpc; write the collector's address, or if a collector is there, move accept.otlp.grpc`},
	{"two OTLP listeners", "deliver: {endpoint: 'a:1'}\naccept: {otlp: {http: ':4317'}}", `a.yaml:2: accept.otlp.http: ":4317": is taken by accept.otlp.grpc (127.0.0.1:4317); give one of them another port`},
	{"two listeners on a path", "deliver: {endpoint: 'a:1'}\naccept: {otlp: {grpc: 'unix:/a', http: 'unix:/a'}}", `a.yaml:2: accept.otlp.http: "unix:/a": is taken by accept.otlp.grpc (unix:/a); give one of them another path`},
	{"no listener", "deliver: {endpoint: 'a:1'}\naccept: {jaeger: {compact: '', binary: []}, otlp: {grpc: '', http: ''}}", `a.yaml: accept: nothing is taken in, every listener is off; leave accept.otlp.grpc at its default, 127.0.0.1:4317`},
	{"batch over a quarter", "deliver: {endpoint: 'a:1'}\nbuffer: {memory: 2097151B}", `a.yaml:2: buffer.memory: "2097151B": is too small; write at least 2MiB`},
	{"batch waits too long", "deliver: {endpoint: 'a:1', batch: {age: 1m}}\nbuffer: {max_age: 30s}", `a.yaml:1: deliver.batch.age: "1m": spans would expire before they are sent; write less than buffer.max_age, 30s`},

	{"everything at once", "buffer: {memory: 1}\nlog: {level: loud}\nnope: 1", `a.yaml:1: buffer.memory: "1": has no unit; write a size from 2MiB to 1GiB
a.yaml:2: log.level: "loud": is not a choice; write debug or info or warn or error
a.yaml:3: nope: unknown key; here are: accept, buffer, deliver, tags, sampling, control, admin, log, drain_timeout, stop_delay`},
}

func TestErrors(t *testing.T) {
	for _, c := range wrongs {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(c.yaml)
			if err == nil {
				t.Fatal("it is taken")
			}
			if err.Error() != c.want {
				t.Errorf("got\n%s\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestErrorsOfFlags(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"http://x:4317", `--endpoint: deliver.endpoint: "http://x:4317/v1/traces": otlp-grpc takes host:port, not a URL; write x:4317, or set deliver.protocol: otlp-http`},
		{"127.0.0.1:14271", `--endpoint: deliver.endpoint: "127.0.0.1:14271": is this agent's own admin.http; write the collector's address`},
		{"${NONE}", `--endpoint: deliver.endpoint: "${NONE}": environment variable NONE is not set; set it, or give a default: ${NONE:default}`},
		{"", `--endpoint: deliver.endpoint: no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file`},
		{"a:1,", `--endpoint: deliver.endpoint: "": is empty; remove it, or write host:port, like collector:4317`},
	} {
		_, err := load(Source{Set: []Setting{endpoint(c.value)}}, machine(""))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got\n%v\nwant\n%s", c.value, err, c.want)
		}
	}
}

// Two listeners in one place are found by address, not by spelling; port 0 is
// never the same place, and TCP and UDP do not meet.
func TestListenersThatDoNotMeet(t *testing.T) {
	for _, yaml := range []string{
		"accept: {jaeger: {compact: '127.0.0.1:0', binary: '127.0.0.1:0'}}",
		"accept: {jaeger: {compact: '127.0.0.1:6831', binary: '127.0.0.2:6831'}}",
		"admin: {http: '127.0.0.1:6831'}",
	} {
		if _, err := loadText(yaml, endpoint("10.9.9.9:6831,collector:14271")); err != nil {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
