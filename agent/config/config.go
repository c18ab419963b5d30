// Package config reads the agent's configuration: one YAML file with strict
// keys, of which each has a default.
//
// One table (keys.go) is the only place that knows the keys; loading, the
// effective configuration of --check, the list in --help and the table in
// docs/configuration.md all come from it. Every error names the line, the key,
// the value and what to do.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/wayside-tracing/wayside/internal/header"
)

// Config is a validated configuration. It is not changed after Load.
type Config struct {
	Accept struct {
		Jaeger struct {
			// Compact and Binary are UDP addresses "ip:port", or ":port" for
			// every interface, or "unix:/path"; localhost is spelt out as both loopbacks, or
			// as 127.0.0.1 alone on a host without ::1. Port 0 is a port that
			// the system chooses.
			Compact, Binary []string
			// ZipkinCompact is as Compact is.
			ZipkinCompact []string
			// GRPC and HTTP are TCP addresses, spelt so too.
			GRPC, HTTP []string
			// SocketBuffer is what each UDP socket asks for in SO_RCVBUF, in
			// bytes; 0 leaves the system's default.
			SocketBuffer int
		}
		OTLP struct {
			// GRPC and HTTP are TCP addresses, spelt as Jaeger's, or
			// "unix:/path".
			GRPC, HTTP []string
			// CORS are origins of web pages, in lower case, or "*".
			CORS []string
		}
		// Zipkin has TCP addresses, spelt as OTLP's.
		Zipkin struct{ HTTP []string }
		TLS    ServerTLS
	}
	Buffer struct {
		Memory int // bytes: queues and what is in flight
		// Disk is off if Path is "".
		Disk struct {
			Path string
			Size int    // bytes
			Sync string // "interval" or "always"
		}
		MaxAge time.Duration
	}
	Deliver struct {
		// Endpoints are one at least, no two the same: URLs with a path for
		// otlp-http, "host:port" for the others.
		Endpoints []string
		Protocol  string   // "otlp-grpc", "otlp-http" or "jaeger-grpc"
		Headers   []Header // sent with every request
		// HeadersFrom is a folder of which each file is a header more; "" is none.
		HeadersFrom string
		// AllowPlaintext lets headers be sent without TLS.
		AllowPlaintext bool
		Batch          struct {
			Bytes int // uncompressed; at most a quarter of Buffer.Memory
			Age   time.Duration
		}
		Compression string // "gzip", "zstd" or "none"
		TLS         ClientTLS
		Timeout     time.Duration // of one request
	}
	Sampling struct {
		// Sources are none; or one absolute path of a file; or URLs with a path; or
		// collectors, "host:port".
		Sources []string
		TLS     ClientTLS
	}
	Control struct {
		HTTP []string // TCP addresses, spelt as Accept.Jaeger's
	}
	Tags  []Tag // of the resource of every span; by key
	Admin struct {
		HTTP  []string // TCP addresses, spelt as Accept.Jaeger's
		TLS   ServerTLS
		PProf bool
	}
	Log struct {
		Level  string // "debug", "info", "warn" or "error"
		Format string // "text" or "json"
	}
	DrainTimeout time.Duration
	// StopDelay is how long spans are taken in after the agent was told to stop.
	StopDelay time.Duration

	shown  map[string][]string // by key: what is shown in place of values of which one came from a file
	origin map[string]string   // by key: where a value that is no default was set
}

// ServerTLS are paths of PEM files: none, or Cert and Key, or all three.
type ServerTLS struct{ Cert, Key, ClientCA string }

// ClientTLS is how connections are made to those who are asked or sent to.
type ClientTLS struct {
	Enabled       bool   // for host:port; a URL says it itself
	CA, Cert, Key string // paths of PEM files; "" is none
	ServerName    string // that certificates are for; "" is the peer's host
	SkipVerify    bool
}

// Source says where a configuration comes from.
type Source struct {
	Defaults []Setting // what takes the place of keys' defaults, in order
	File     string    // path of the YAML file; "" is none
	Set      []Setting // what overrides the file, in order
}

// Setting is one key set from elsewhere than the file.
type Setting struct {
	Key   string
	Value string // as in YAML; a list is separated by commas
	From  string // what an error calls it: "--endpoint"
}

// maxFile and maxValueFile are in bytes: no configuration is that large, a
// wrong path may be.
const (
	maxFile      = 1 << 20
	maxValueFile = 64 << 10
)

// host is what a configuration asks of the machine.
type host struct {
	lookupEnv func(string) (string, bool)
	readFile  func(name string, limit int64) ([]byte, error)
	// headerFiles lists the files of a folder of headers.
	headerFiles func(folder string) ([]string, error)
	loopback6   func() bool         // whether ::1 can be bound
	addresses   func() []netip.Addr // of its interfaces
	hostname    func() (string, error)
}

func thisHost() host {
	return host{os.LookupEnv, readFile, header.Files, loopback6, interfaceAddresses, os.Hostname}
}

// Load reads and validates. An error is an Errors, with everything that is
// wrong.
func Load(s Source) (*Config, error) { return load(s, thisHost()) }

func load(s Source, h host) (*Config, error) {
	l := read(s, h)
	if len(l.errs) == 0 {
		l.finish()
	}
	if len(l.errs) > 0 {
		return nil, l.errs.sorted()
	}
	return l.config, nil
}

// AdminOf is how an agent that was started from s can be asked how it is. It
// does not depend on anything else in it being right, so that an agent whose file
// has been spoilt since can be asked, too, and one that was started with a wrong
// one.
func AdminOf(s Source) (addresses []string, secure ServerTLS) {
	cfg, err := Load(s)
	if err != nil {
		cfg = Salvage(s)
	}
	return cfg.Admin.HTTP, cfg.Admin.TLS
}

// read takes up every source, and collects what is wrong with each value.
func read(s Source, h host) *loader {
	l := &loader{host: h, file: s.File, lines: map[string]int{}}
	l.config = &Config{shown: map[string][]string{}, origin: map[string]string{}}
	for _, k := range table {
		k.set(l.config, split(k, k.def), func(v value, problem error) {
			panic(fmt.Sprintf("config: default of %s: %q: %v", k.path, v.text, problem))
		})
	}
	for _, o := range s.Defaults {
		l.override(o)
	}
	if s.File != "" {
		text, err := h.readFile(s.File, maxFile)
		if err != nil {
			l.fail(0, "", nil, "cannot be read: %v", cause(err))
		}
		l.yaml(text)
	}
	for _, o := range s.Set {
		l.override(o)
	}
	return l
}

// cause is the innermost error: what the system said, without a path that the
// message has already.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// ReadFile reads a file that is to be a configuration: one that is too large for
// that is an error, which does not repeat the name.
func ReadFile(name string) ([]byte, error) {
	b, err := readFile(name, maxFile)
	if err != nil {
		return nil, cause(err)
	}
	return b, nil
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("larger than %s", formatSize(int(limit)))
	}
	return b, nil
}

func loopback6() bool {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func interfaceAddresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the check that needs them then sees loopbacks only
	}
	var list []netip.Addr
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				list = append(list, ip.Unmap())
			}
		}
	}
	return list
}
