package jaegerflags

// A flag is one row of the table.
type flag struct {
	name string
	kind kind
	do   func(t *translator, g given, arg string)
	arg  string // a key, or what a warning says
}

// kind is how a value is written (spf13/pflag).
type kind int

const (
	text    kind = iota
	number       // decimal, 0x…, 0…
	boolean      // of package strconv; alone it is true
)

// ownPrefixes are of the names that no other program has.
var ownPrefixes = []string{"processor.", "reporter.", "http-server.", "admin.", "agent."}

// Why flags of which there are several have no effect.
const (
	noChoice  = "TLS 1.2 is the oldest that is spoken, with the cipher suites that Go takes for good: remove it"
	anySize   = "packets of every size are taken"
	noQueue   = "the queue is the socket's buffer: give server-socket-buffer-size instead"
	oneReader = "a socket has one reader, which keeps up: remove it"
)

// table is every flag of jaeger-agent 1.62.0 but help, in the order of its own
// help.
var table = []flag{
	{"admin.http.host-port", text, listen, "admin.http"},
	{"admin.http.tls.cert", text, set, "admin.tls.cert"},
	{"admin.http.tls.cipher-suites", text, warn, noChoice},
	{"admin.http.tls.client-ca", text, set, "admin.tls.client_ca"},
	{"admin.http.tls.enabled", boolean, adminTLS, ""},
	{"admin.http.tls.key", text, set, "admin.tls.key"},
	{"admin.http.tls.max-version", text, warn, noChoice},
	{"admin.http.tls.min-version", text, warn, noChoice},
	{"agent.tags", text, tags, "tags"},
	{"config-file", text, nothing, ""},
	{"http-server.host-port", text, listen, "control.http"},
	{"log-encoding", text, logFormat, "log.format"},
	{"log-level", text, logLevel, "log.level"},
	{"metrics-backend", text, metricsBackend, ""},
	{"metrics-http-route", text, metricsRoute, ""},
	{"processor.jaeger-binary.server-host-port", text, listen, "accept.jaeger.binary"},
	{"processor.jaeger-binary.server-max-packet-size", number, warn, anySize},
	{"processor.jaeger-binary.server-queue-size", number, warn, noQueue},
	{"processor.jaeger-binary.server-socket-buffer-size", number, socketBuffer, "accept.jaeger.socket_buffer"},
	{"processor.jaeger-binary.workers", number, warn, oneReader},
	{"processor.jaeger-compact.server-host-port", text, listen, "accept.jaeger.compact"},
	{"processor.jaeger-compact.server-max-packet-size", number, warn, anySize},
	{"processor.jaeger-compact.server-queue-size", number, warn, noQueue},
	{"processor.jaeger-compact.server-socket-buffer-size", number, socketBuffer, "accept.jaeger.socket_buffer"},
	{"processor.jaeger-compact.workers", number, warn, oneReader},
	{"processor.zipkin-compact.server-host-port", text, listen, "accept.jaeger.zipkin_compact"},
	{"processor.zipkin-compact.server-max-packet-size", number, warn, anySize},
	{"processor.zipkin-compact.server-queue-size", number, warn, noQueue},
	{"processor.zipkin-compact.server-socket-buffer-size", number, socketBuffer, "accept.jaeger.socket_buffer"},
	{"processor.zipkin-compact.workers", number, warn, oneReader},
	{"reporter.grpc.discovery.min-peers", number, warn, "it had none in the Jaeger Agent either; every address of every collector is used"},
	{"reporter.grpc.host-port", text, collectors, "deliver.endpoint"},
	{"reporter.grpc.retry.max", number, warn, "spans are tried again until they are delivered or older than buffer.max_age, which can be set in a --config file"},
	{"reporter.grpc.tls.ca", text, set, "deliver.tls.ca"},
	{"reporter.grpc.tls.cert", text, set, "deliver.tls.cert"},
	{"reporter.grpc.tls.enabled", boolean, set, "deliver.tls.enabled"},
	{"reporter.grpc.tls.key", text, set, "deliver.tls.key"},
	{"reporter.grpc.tls.server-name", text, set, "deliver.tls.server_name"},
	{"reporter.grpc.tls.skip-host-verify", boolean, set, "deliver.tls.skip_verify"},
	{"reporter.type", text, reporterType, ""},
}

// Flag is what a command line has to know of one.
type Flag struct {
	Name string
	Bool bool // needs no value
}

// Flags yields every flag of the Jaeger Agent but help.
func Flags(yield func(Flag) bool) {
	for _, f := range table {
		if !yield(Flag{f.name, f.kind == boolean}) {
			return
		}
	}
}
