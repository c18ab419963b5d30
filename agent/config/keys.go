package config

import (
	"slices"
	"strings"
	"time"
)

// Sizes in bytes.
const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// The limits of buffer.memory and deliver.batch.bytes go together: a frame is
// at most 512KiB (DESIGN section 3), what is in flight at most a quarter of the
// buffer (section 4), and one frame must always be able to go.
const (
	maxBatch  = 512 * kib
	minMemory = 4 * maxBatch
)

// The limits of buffer.disk.size: half of it must be several segments, which
// are given up as a whole; and it must be more than what is in memory.
const (
	minDisk = 16 * mib
	maxDisk = 1 << (30 + 10*(^uint(0)>>63)) // 1 TiB; 1 GiB where an int has 32 bits
)

// table is every key of this version, in the order of the documentation.
var table = []key{
	many("accept.jaeger.compact", "127.0.0.1:6831", listeners{port: "6831", unix: true},
		func(c *Config) *[]string { return &c.Accept.Jaeger.Compact },
		"UDP addresses for Jaeger clients, or Unix sockets for datagrams. Compact and binary Thrift are told apart by the first byte, so either port takes both."),
	many("accept.jaeger.binary", "127.0.0.1:6832", listeners{port: "6832", unix: true},
		func(c *Config) *[]string { return &c.Accept.Jaeger.Binary },
		"UDP addresses for Jaeger clients that send binary Thrift (Node)."),
	many("accept.jaeger.zipkin_compact", "", listeners{port: "5775", unix: true},
		func(c *Config) *[]string { return &c.Accept.Jaeger.ZipkinCompact },
		"The same for clients of before 2017, that send Zipkin's Thrift; usually localhost:5775. Jaeger's and Zipkin's are told apart, so every one of these ports takes both."),
	many("accept.jaeger.grpc", "", listeners{port: "14250", unix: true},
		func(c *Config) *[]string { return &c.Accept.Jaeger.GRPC },
		"Addresses for Jaeger's own agents and exporters that send over gRPC, as to a Jaeger collector; usually localhost:14250."),
	many("accept.jaeger.http", "", listeners{port: "14268", unix: true},
		func(c *Config) *[]string { return &c.Accept.Jaeger.HTTP },
		"Addresses for Jaeger clients that send Thrift over HTTP, to /api/traces, as to a Jaeger collector; usually localhost:14268."),
	one("accept.jaeger.socket_buffer", "4MiB", sizes{0, gib},
		func(c *Config) *int { return &c.Accept.Jaeger.SocketBuffer },
		"Receive buffer asked of the kernel for each UDP socket; 0B leaves the system's default. The status page shows what was granted."),
	many("accept.otlp.grpc", "127.0.0.1:4317", listeners{port: "4317", unix: true},
		func(c *Config) *[]string { return &c.Accept.OTLP.GRPC },
		"Addresses for OpenTelemetry SDKs that send OTLP over gRPC. HTTP is understood here as well."),
	many("accept.otlp.http", "127.0.0.1:4318", listeners{port: "4318", unix: true},
		func(c *Config) *[]string { return &c.Accept.OTLP.HTTP },
		"Addresses for OpenTelemetry SDKs that send OTLP over HTTP, to /v1/traces. gRPC is understood here as well."),
	many("accept.otlp.cors", "", origins{},
		func(c *Config) *[]string { return &c.Accept.OTLP.CORS },
		"Web pages that may send from a browser, by their origin."),
	many("accept.zipkin.http", "", listeners{port: "9411", unix: true},
		func(c *Config) *[]string { return &c.Accept.Zipkin.HTTP },
		"Addresses for Zipkin clients, that send JSON, protobuf or Thrift to /api/v2/spans and /api/v1/spans; usually localhost:9411."),
	one("accept.tls.cert", "", paths{},
		func(c *Config) *string { return &c.Accept.TLS.Cert },
		"Certificate, with those between it and its authority, in PEM. With it, every TCP address of accept takes TLS alone. It and the next two are read again when their files change."),
	one("accept.tls.key", "", paths{},
		func(c *Config) *string { return &c.Accept.TLS.Key },
		"The certificate's key, in PEM."),
	one("accept.tls.client_ca", "", paths{},
		func(c *Config) *string { return &c.Accept.TLS.ClientCA },
		"Authorities in PEM of which clients must show a certificate (mutual TLS)."),
	one("buffer.memory", "8MiB", sizes{minMemory, gib},
		func(c *Config) *int { return &c.Buffer.Memory },
		"Memory for spans that wait or are on their way. When it is full, and there is no disk, the oldest datagrams make room and are counted, and requests are refused with a hint to come again."),
	one("buffer.disk.path", "", folders{},
		func(c *Config) *string { return &c.Buffer.Disk.Path },
		"Directory in which spans are kept, so that they survive a crash of the agent and a collector that is away for long. It is made if it is not there."),
	one("buffer.disk.size", "512MiB", sizes{minDisk, maxDisk},
		func(c *Config) *int { return &c.Buffer.Disk.Size },
		"What the files there may take. When it is full, the oldest datagrams go and are counted, and requests are refused with a hint to come again."),
	one("buffer.disk.sync", "interval", choices{[]string{"interval", "always"}, nil},
		func(c *Config) *string { return &c.Buffer.Disk.Sync },
		"What a success means to a sender. With interval, its spans survive if the agent is killed; they are on disk 200 ms later. With always, they are on disk (fsync), and a power failure loses none."),
	one("buffer.max_age", "24h", durations{time.Second, 8760 * time.Hour},
		func(c *Config) *time.Duration { return &c.Buffer.MaxAge },
		"Spans that could not be delivered for so long are dropped and counted."),
	many("deliver.endpoint", "", endpoints{},
		func(c *Config) *[]string { return &c.Deliver.Endpoints },
		"Where spans go: a collector's address, or several. A name is looked up again and again, and each of its addresses used. The one thing without a default."),
	one("deliver.protocol", "otlp-grpc", choices{[]string{"otlp-grpc", "otlp-http", "jaeger-grpc"}, nil},
		func(c *Config) *string { return &c.Deliver.Protocol },
		"How spans are sent. With otlp-http, endpoints are URLs; /v1/traces is added where there is no path. jaeger-grpc is for Jaeger collectors before OTLP, on port 14250."),
	headers("deliver.headers", "Sent with every request, for what a collector demands of senders. Files are read again when they change; values are never shown."),
	one("deliver.headers_from", "", folders{},
		func(c *Config) *string { return &c.Deliver.HeadersFrom },
		"Directory of which each file is a header more: its name, and what is in it, without spaces around. Names that begin with a dot are left out. It is read again when it changes, and need not be there. It is how Kubernetes mounts a Secret."),
	one("deliver.allow_plaintext", "false", flags{},
		func(c *Config) *bool { return &c.Deliver.AllowPlaintext },
		"Send headers without TLS too: whoever can listen on the way can read them."),
	one("deliver.batch.bytes", "512KiB", sizes{kib, maxBatch},
		func(c *Config) *int { return &c.Deliver.Batch.Bytes },
		"A batch is sent when it has this size, uncompressed. Several are in flight at once within a quarter of buffer.memory, and collectors refuse requests over 4MiB, hence the limit."),
	one("deliver.batch.age", "1s", durations{time.Millisecond, time.Minute},
		func(c *Config) *time.Duration { return &c.Deliver.Batch.Age },
		"A batch is sent when its oldest span has waited so long."),
	one("deliver.compression", "gzip", choices{[]string{"gzip", "zstd", "none"}, nil},
		func(c *Config) *string { return &c.Deliver.Compression },
		"Compression of what is sent; none costs least CPU. zstd takes less of it than gzip and makes less, where the collector knows it; Jaeger's do not."),
	one("deliver.tls.enabled", "false", flags{},
		func(c *Config) *bool { return &c.Deliver.TLS.Enabled },
		"Send by TLS, with otlp-grpc and jaeger-grpc. With otlp-http, https:// in the endpoint says it."),
	one("deliver.tls.ca", "", paths{},
		func(c *Config) *string { return &c.Deliver.TLS.CA },
		"The authorities whose certificates are trusted; without it the system's. This file and the next two are read again when they change."),
	one("deliver.tls.cert", "", paths{},
		func(c *Config) *string { return &c.Deliver.TLS.Cert },
		"The certificate that is shown to a collector which asks for one."),
	one("deliver.tls.key", "", paths{},
		func(c *Config) *string { return &c.Deliver.TLS.Key },
		"Its private key."),
	one("deliver.tls.server_name", "", serverNames{},
		func(c *Config) *string { return &c.Deliver.TLS.ServerName },
		"The name that the collector's certificate is for, if it is not the endpoint's host."),
	one("deliver.tls.skip_verify", "false", flags{},
		func(c *Config) *bool { return &c.Deliver.TLS.SkipVerify },
		"Take any certificate. Whoever can get between may read and change everything: for trying things out only."),
	one("deliver.timeout", "10s", durations{100 * time.Millisecond, 5 * time.Minute},
		func(c *Config) *time.Duration { return &c.Deliver.Timeout },
		"A request that is not answered in this time has failed and is tried again."),
	tags("tags", "Attributes of the resource of every span, whatever it came by. One that the app has set wins."),
	many("sampling.source", "", sources{},
		func(c *Config) *[]string { return &c.Sampling.Sources },
		"Where tracers' sampling strategies come from: a strategies file, a URL, or a collector; or several, of which the first that answers counts. Without it tracers keep to their own."),
	one("sampling.tls.enabled", "false", flags{},
		func(c *Config) *bool { return &c.Sampling.TLS.Enabled },
		"Ask collectors by TLS. A URL says it by https://."),
	one("sampling.tls.ca", "", paths{},
		func(c *Config) *string { return &c.Sampling.TLS.CA },
		"The authorities whose certificates are trusted; without it the system's. This file and the next two are read again when they change."),
	one("sampling.tls.cert", "", paths{},
		func(c *Config) *string { return &c.Sampling.TLS.Cert },
		"The certificate that is shown to a source which asks for one."),
	one("sampling.tls.key", "", paths{},
		func(c *Config) *string { return &c.Sampling.TLS.Key },
		"Its private key."),
	one("sampling.tls.server_name", "", serverNames{},
		func(c *Config) *string { return &c.Sampling.TLS.ServerName },
		"The name that the source's certificate is for, if it is not the source's host."),
	one("sampling.tls.skip_verify", "false", flags{},
		func(c *Config) *bool { return &c.Sampling.TLS.SkipVerify },
		"Take any certificate: for trying things out only."),
	many("control.http", "127.0.0.1:5778", listeners{port: "5778"},
		func(c *Config) *[]string { return &c.Control.HTTP },
		"TCP addresses at which tracers ask for their sampling strategy, as they asked the Jaeger Agent."),
	many("admin.http", "127.0.0.1:14271", listeners{port: "14271"},
		func(c *Config) *[]string { return &c.Admin.HTTP },
		"TCP addresses of the status page, health and metrics."),
	one("admin.tls.cert", "", paths{},
		func(c *Config) *string { return &c.Admin.TLS.Cert },
		"Certificate in PEM. With it, the admin addresses take TLS alone. It and the next two are read again when their files change."),
	one("admin.tls.key", "", paths{},
		func(c *Config) *string { return &c.Admin.TLS.Key },
		"The certificate's key, in PEM."),
	one("admin.tls.client_ca", "", paths{},
		func(c *Config) *string { return &c.Admin.TLS.ClientCA },
		"Authorities in PEM of which whoever asks must show a certificate. --ready shows the one in admin.tls.cert."),
	one("admin.pprof", "false", flags{},
		func(c *Config) *bool { return &c.Admin.PProf },
		"Serve Go's profiles on /debug/pprof/ of the admin addresses."),
	one("log.level", "info", choices{[]string{"debug", "info", "warn", "error"}, nil},
		func(c *Config) *string { return &c.Log.Level },
		"The least important messages that are written to standard error."),
	one("log.format", "text", choices{[]string{"text", "json"}, nil},
		func(c *Config) *string { return &c.Log.Format },
		"How they are written."),
	one("drain_timeout", "5s", durations{0, 10 * time.Minute},
		func(c *Config) *time.Duration { return &c.DrainTimeout },
		"When it is told to stop, the agent delivers what it holds for at most this long; the rest stays on disk, or is counted as lost."),
	one("stop_delay", "0s", durations{0, 5 * time.Minute},
		func(c *Config) *time.Duration { return &c.StopDelay },
		"When it is told to stop, the agent is not ready any more (/readyz), but goes on taking spans for this long before it stops: for places where senders are led elsewhere meanwhile."),
}

// later are keys that have their place in the design but no meaning in this
// version. An entry stands for everything below it.
var later = []string{
	"lanes",
}

// A key is one row of the table.
type key struct {
	path  string
	def   string // as it would be written in YAML
	takes string // what may be written, for people
	doc   string
	list  bool
	pairs bool // names with values; loaded by headers.go and tags.go
	// set puts the values (one, unless it is a list) into a Config and
	// calls bad for each that is wrong.
	set  func(c *Config, values []value, bad func(value, error))
	show func(c *Config) []string
}

// kind is a sort of value: what people are told of it, and how it is read.
type kind[T any] interface {
	takes() string
	parse(text string) (T, error)
}

// single is a kind that is no list's: how it is written is not how it is kept.
type single[T any] interface {
	kind[T]
	format(T) string
}

func one[T any, K single[T]](path, def string, k K, at func(*Config) *T, doc string) key {
	return key{
		path: path, def: def, takes: k.takes(), doc: doc,
		set: func(c *Config, values []value, bad func(value, error)) {
			v, err := k.parse(values[0].text)
			if err != nil {
				bad(values[0], err)
				return
			}
			*at(c) = v
		},
		show: func(c *Config) []string { return []string{k.format(*at(c))} },
	}
}

func many(path, def string, k kind[string], at func(*Config) *[]string, doc string) key {
	return key{
		path: path, def: def, takes: k.takes(), doc: doc, list: true,
		set: func(c *Config, values []value, bad func(value, error)) {
			var list []string
			for _, v := range values {
				s, err := k.parse(v.text)
				switch {
				case err != nil:
					bad(v, err)
				case slices.Contains(list, s):
					bad(v, wrong("is there twice", "remove one"))
				default:
					list = append(list, s)
				}
			}
			*at(c) = list
		},
		show: func(c *Config) []string { return *at(c) },
	}
}

// find returns the key with this path.
func find(path string) (key, bool) {
	i := slices.IndexFunc(table, func(k key) bool { return k.path == path })
	if i < 0 {
		return key{}, false
	}
	return table[i], true
}

// isGroup reports whether there are keys below path.
func isGroup(path string) bool {
	below := func(p string) bool { return strings.HasPrefix(p, path+".") }
	return slices.ContainsFunc(later, below) ||
		slices.ContainsFunc(table, func(k key) bool { return below(k.path) })
}

// Key describes a key to people.
type Key struct {
	Path    string
	Default string
	Takes   string // what may be written
	Doc     string // one line
}

// Keys yields every key of this version.
func Keys(yield func(Key) bool) {
	for _, k := range table {
		if !yield(Key{k.path, k.def, k.takes, k.doc}) {
			return
		}
	}
}
