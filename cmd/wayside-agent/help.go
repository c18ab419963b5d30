package main

import (
	"io"
	"strings"

	"github.com/wayside-tracing/wayside/agent/config"
)

const usage = `wayside-agent keeps the spans of the apps beside it and brings them to a
collector, however slow or far that is, and counts every span that is lost.

Usage:
  wayside-agent --endpoint HOST:PORT[,HOST:PORT…]
  wayside-agent --config FILE [--endpoint …] [--degraded]
  wayside-agent --check [--config FILE] [--endpoint …]
  wayside-agent --ready [--config FILE]
  wayside-agent FLAGS OF THE JAEGER AGENT
  wayside-agent version

Flags:
  --config FILE      the configuration, a YAML file; its keys are below
  --endpoint ADDR    where spans go; overrides deliver.endpoint
  --check            only validate: print the configuration in force, with where
                     each value was set, or what is wrong with it
  --ready            ask the agent that runs with the same configuration on this
                     machine whether it takes spans: exit status 0, or 1 with a
                     line that says why not; for probes in an image without shell
  --degraded         start whatever is wrong or missing: without an endpoint that
                     is sure spans are kept and none is delivered, until a reload
                     brings a right configuration; where others wait for the agent
  --help             this text
  --version          which build this is

Examples:
  wayside-agent --endpoint collector:4317
      Jaeger clients on this machine send to 127.0.0.1:6831 and 6832 (UDP);
      http://127.0.0.1:14271/status shows how it is.

  wayside-agent --config /etc/wayside/agent.yaml
      with, for instance, in that file:
        accept:
          jaeger: {compact: ":6831"}      # from other machines, too
        deliver:
          endpoint: [collector-1:4317, collector-2:4317]
        buffer: {memory: 32MiB}

Flags, variables and --config-file of the Jaeger Agent 1.62 are understood as
they are, such as --reporter.grpc.host-port or REPORTER_GRPC_HOST_PORT. Where one
is given, the Jaeger Agent's defaults hold: ports on every interface, Jaeger's
gRPC to the collector, no OTLP in. They override --config; one that has no effect
any more is told at the start.

Values may hold ${NAME}, ${NAME:default} and ${file:/path}, which stand for an
environment variable and for a file's content.

A changed file and SIGHUP reload the configuration; a wrong one changes nothing.
SIGTERM and SIGINT end the agent: after stop_delay it takes in no more, delivers
what it holds for at most drain_timeout, and writes the account of all spans as
its last line. A second one ends it at once.

Exit status: 0 after an orderly end, 1 if the configuration is wrong or the agent
can't go on or is not ready, 2 if the command line is wrong.

Keys, with their defaults:
`

func writeHelp(w io.Writer) {
	var b strings.Builder
	b.WriteString(usage)
	for k := range config.Keys {
		value := k.Default
		if value == "" {
			value = `""`
		}
		b.WriteString("\n  " + k.Path + ": " + value + "\n")
		wrap(&b, "Takes "+k.Takes+".", "      ")
		wrap(&b, k.Doc, "      ")
	}
	_, _ = io.WriteString(w, b.String()) // nobody is left to tell
}

// wrap writes text in lines of at most 80 columns.
func wrap(b *strings.Builder, text, indent string) {
	width := 0
	for word := range strings.FieldsSeq(text) {
		if width > 0 && width+1+len(word) > 80 {
			b.WriteString("\n")
			width = 0
		}
		if width == 0 {
			b.WriteString(indent + word)
			width = len(indent) + len(word)
		} else {
			b.WriteString(" " + word)
			width += 1 + len(word)
		}
	}
	b.WriteString("\n")
}
