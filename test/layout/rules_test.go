package layout_test

// module is the root module's path, go.mod's first line.
const module = "github.com/wayside-tracing/wayside"

// An importRule says which of our own packages the packages under one folder may
// import. Folders are relative to the module's root and stand for everything
// below them; the longest matching folder decides.
type importRule struct {
	folder  string
	may     []string // folders; a package may always import what lies below it
	because string
}

// importRules covers every package: one that no row matches is a finding, and so
// is a row that matches no package.
var importRules = []importRule{
	{"wire", []string{"wire"}, "codecs are pure and know nothing of what uses them"},
	{"disklog", []string{"disklog"}, "records are bytes to it: it knows nothing of spans, and nothing of ours"},

	{"agent", []string{"agent", "wire", "internal"}, "agent.go is where the parts of the agent meet; it knows no collector"},
	{"agent/config", []string{"internal"}, "the configuration is plain data that the agent is built from"},
	{"agent/config/jaegerflags", []string{"agent/config"}, "it tells another program's flags in this one's keys"},
	{"agent/ledger", nil, "the account is plain data that every part adds to"},
	{"agent/accept", []string{"wire", "agent/ledger", "internal"}, "accept, buffer and deliver meet only in agent.go"},
	{"agent/buffer", []string{"wire", "agent/ledger", "disklog", "internal"}, "accept, buffer and deliver meet only in agent.go"},
	{"agent/deliver", []string{"wire", "agent/ledger", "internal"}, "accept, buffer and deliver meet only in agent.go"},
	{"agent/control", []string{"wire", "agent/ledger", "agent/deliver/h2", "internal"}, "it answers tracers and carries no span; a collector is asked with the HTTP/2 client that is there"},
	{"agent/admin", []string{"agent/ledger", "internal"}, "the admin pages show the status they are given and reach into nothing"},

	{"collector", []string{"collector", "wire", "internal"}, "the collector knows no agent: either runs without the other"},

	{"kube/api", nil, "objects are plain data"},
	{"kube/certificate", nil, "it keeps certificates in whatever store it is given"},
	{"kube/render", []string{"kube/api", "agent/config"}, "it makes only what the agent accepts, from plain data"},
	{"kube/inject", []string{"kube/api", "kube/render"}, "a decision depends on nothing but what it is given"},
	{"kube/cluster", []string{"kube/api", "kube/inject"}, "what is known of the cluster, in the terms of decisions"},
	{"kube/webhook", []string{"kube/api", "kube/inject", "internal"}, "it asks inject and reads the cluster through what it is given"},
	{"kube/reconcile", []string{"kube/api", "kube/render", "kube/inject", "kube/cluster"}, "it makes what render says and counts as inject decides"},

	{"internal", []string{"internal", "wire"}, "small things that anything above may use"},

	{"cmd/wayside-agent", []string{"agent", "wire", "internal"}, "the agent's binary holds the agent and nothing else"},
	{"cmd/wayside-operator", []string{"kube", "internal"}, "the operator carries no span and links no agent but its configuration"},
	{"cmd/wayside", []string{"agent", "collector", "wire", "internal"}, "the binary for people may use everything but another binary"},

	{"bench", []string{"bench", "wire", "agent/ledger", "agent/deliver/h2", "internal"}, "what is measured is a process of its own; bench reads its account, and sends with the cheapest client that there is"},
	{"test/crash", []string{"test/crash", "wire", "agent/ledger", "collector/ingest", "bench/proc", "internal"}, "the agent that is broken is a process of its own; the collector end is the one that is there"},
	{"test/crash/process", []string{"agent/ledger", "agent/config"}, "it writes a configuration and reads an account"},
	{"test/layout", nil, "the rules are not an interested party"},
}

// A ban keeps packages, ours or not, out of others.
type ban struct {
	folder  string   // of the packages that must not have them
	of      []string // import paths; each stands for everything below it
	but     []string // import paths below those that are let through
	linked  bool     // not even through other packages, tests left aside
	because string
}

var bans = []ban{
	{
		"wire",
		[]string{"net", "os", "io/fs", "syscall", "log", "golang.org/x/net", "golang.org/x/sys", "context"},
		[]string{"net/netip"}, // which reads and writes addresses, and reaches none
		false, "bytes in, bytes out: no sockets, files or logs, so that every codec can be fuzzed and reused",
	},
	{
		"cmd/wayside-agent",
		[]string{"google.golang.org/grpc"},
		nil,
		true, "a program that speaks gRPC with it idles at 10.4 MB, with net/http at 6.4 MB (Go 1.26, linux/amd64); the budget is 10 MB",
	},
	{
		"cmd/wayside-agent",
		[]string{"google.golang.org/protobuf", "github.com/golang/protobuf", "github.com/gogo/protobuf"},
		nil,
		true, "spans are OTLP bytes in the agent and are never decoded into messages",
	},
	{
		"cmd/wayside-agent",
		[]string{"go.opentelemetry.io"},
		nil,
		true, "the agent carries traces and makes none; the SDK costs memory that sidecars do not have",
	},
	{
		"cmd/wayside-agent",
		[]string{"k8s.io", "sigs.k8s.io"},
		nil,
		true, "the agent knows no Kubernetes: what it needs of it comes by downward API or from a file",
	},
	{
		"cmd/wayside-agent",
		[]string{"text/template", "html/template", "net/rpc", "encoding/gob"},
		nil,
		true, "they look methods up by name, after which the linker keeps every exported method",
	},
}

// vagueNames are package names that say nothing of what a package holds.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared", "lib", "core", "types"}
