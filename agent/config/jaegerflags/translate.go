package jaegerflags

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/wayside-tracing/wayside/agent/config"
)

// Translation is what the Jaeger Agent's flags mean.
type Translation struct {
	// Defaults are the Jaeger Agent's, if one of its own flags is given: any
	// other source overrides them.
	Defaults []config.Setting
	// Sending are its defaults for how spans go to the collectors of its own
	// flag, whose ports are for Jaeger's protocol. They are not for others.
	Sending []config.Setting
	// Set is what was given.
	Set []config.Setting
	// Warnings are of what has no effect.
	Warnings []Warning
	// File is what --config-file names, "" if nothing.
	File string
}

// Warning is of a flag that is given and has no effect.
type Warning struct {
	Flag string // or its variable, or its place in a file
	Why  string // and what to do instead
}

func (w Warning) String() string { return w.Flag + " has no effect: " + w.Why }

// Host is what is asked of the machine.
type Host struct {
	Getenv   func(name string) string
	ReadFile func(name string) ([]byte, error)
}

// ThisHost is the machine that the process runs on.
func ThisHost() Host { return Host{os.Getenv, config.ReadFile} }

// given is a flag's value: where it was given, and where to look for it.
type given struct{ value, from string }

type translator struct {
	host         Host
	values       map[string]given // of all flags
	settings     []config.Setting
	warnings     []Warning
	errs         config.Errors
	collectors   []string
	socketBuffer int64 // bytes; the largest so far
}

// Translate reads flags: those of the command line, as name → value, and what
// the environment and the configuration file have. An error is a config.Errors.
func Translate(flags map[string]string, h Host) (Translation, error) {
	t := &translator{host: h}
	values, file := t.gather(flags)
	if len(t.errs) > 0 {
		return Translation{}, t.errs
	}
	t.values = values
	for _, f := range table {
		if g, ok := values[f.name]; ok && t.check(f, &g) {
			f.do(t, g, f.arg)
		}
	}
	t.checkTLS(values, "reporter.grpc.tls.", "ca", "cert", "key", "server-name", "skip-host-verify")
	t.checkTLS(values, "admin.http.tls.", "cert", "key", "client-ca", "cipher-suites", "min-version", "max-version")
	if len(t.errs) > 0 {
		return Translation{}, t.errs
	}
	r := Translation{Set: t.settings, Warnings: t.warnings, File: file}
	if file != "" || isOwn(values) {
		r.Defaults = defaults(
			"accept.jaeger.compact", ":6831",
			"accept.jaeger.binary", ":6832",
			"accept.jaeger.zipkin_compact", ":5775",
			"accept.otlp.grpc", "",
			"accept.otlp.http", "",
			"admin.http", ":14271",
			"control.http", ":5778",
			"log.format", "json",
		)
	}
	if len(t.collectors) > 0 {
		r.Sending = defaults("deliver.protocol", "jaeger-grpc", "deliver.compression", "none")
		r.Defaults = append(r.Defaults, t.sampling()...)
	}
	return r, nil
}

// sampling is where clients' sampling strategies come from: the collectors, who
// are reached in the same way.
func (t *translator) sampling() []config.Setting {
	list := defaults("sampling.source", strings.Join(t.collectors, ","))
	for _, s := range t.settings {
		if name, ok := strings.CutPrefix(s.Key, "deliver.tls."); ok {
			list = append(list, config.Setting{Key: "sampling.tls." + name, Value: s.Value, From: s.From})
		}
	}
	return list
}

func defaults(keysAndValues ...string) (list []config.Setting) {
	for kv := range slices.Chunk(keysAndValues, 2) {
		list = append(list, config.Setting{Key: kv[0], Value: kv[1], From: "default of the Jaeger Agent"})
	}
	return list
}

// isOwn reports whether the Jaeger Agent is meant.
func isOwn(values map[string]given) bool {
	for name := range values {
		if slices.ContainsFunc(ownPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return true
		}
	}
	return false
}

// check reports whether a value is of the flag's kind, and writes it in this
// agent's way.
func (t *translator) check(f flag, g *given) bool {
	switch f.kind {
	case text:
	case number:
		if n, err := strconv.ParseInt(g.value, 0, 64); err != nil || n < 0 {
			t.fail(*g, "is not a whole number; write one, like 1000")
			return false
		}
	case boolean:
		b, err := strconv.ParseBool(g.value)
		if err != nil {
			t.fail(*g, "is neither true nor false; write one of them")
			return false
		}
		g.value = strconv.FormatBool(b)
	}
	return true
}

// checkTLS refuses what has no effect without TLS, as the Jaeger Agent does
// (jaeger 1.62, pkg/config/tlscfg/flags.go): who gives it believes that there
// is TLS.
func (t *translator) checkTLS(values map[string]given, prefix string, names ...string) {
	if isTrue(values[prefix+"enabled"].value) {
		return
	}
	for _, name := range names {
		if g := values[prefix+name]; g.value != "" && (name != "skip-host-verify" || isTrue(g.value)) {
			t.fail(g, "has no effect without TLS; give --"+prefix+"enabled=true, or remove it")
		}
	}
}

func isTrue(s string) bool {
	b, err := strconv.ParseBool(s)
	return err == nil && b
}

func (t *translator) set(key string, g given, value string) {
	t.settings = append(t.settings, config.Setting{Key: key, Value: literal(value), From: g.from})
}

func (t *translator) warn(g given, why string) {
	t.warnings = append(t.warnings, Warning{g.from, why})
}

func (t *translator) fail(g given, problem string) {
	t.errs = append(t.errs, &config.Error{Where: g.from, Value: &g.value, Problem: problem})
}
