package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/config/jaegerflags"
)

// What the program is asked to do.
const (
	serve = iota
	check
	askReady
	askStatus
	showHelp
	showVersion
)

type command struct {
	what      int
	file      string            // of --config
	endpoints []string          // of --endpoint
	jaeger    map[string]string // the Jaeger Agent's flags, name → value
	ask       string            // where status asks, if it says so
	degraded  bool              // of --degraded
}

var flagNames = []string{"config", "endpoint", "check", "ready", "degraded", "help", "version"}

func parseArgs(args []string) (command, error) {
	cmd := command{jaeger: map[string]string{}}
	var configs []string
	var checks, ready, version bool
	fs := flag.NewFlagSet("wayside-agent", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	add := func(to *[]string) func(string) error {
		return func(v string) error { *to = append(*to, v); return nil }
	}
	fs.Func("config", "", add(&configs))
	fs.Func("endpoint", "", add(&cmd.endpoints))
	fs.BoolVar(&checks, "check", false, "")
	fs.BoolVar(&ready, "ready", false, "")
	fs.BoolVar(&cmd.degraded, "degraded", false, "")
	fs.BoolVar(&version, "version", false, "")
	for f := range jaegerflags.Flags {
		// The last one counts, as in the Jaeger Agent.
		keep := func(v string) error { cmd.jaeger[f.Name] = v; return nil }
		if f.Bool {
			fs.BoolFunc(f.Name, "", keep)
		} else {
			fs.Func(f.Name, "", keep)
		}
	}

	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch first {
	case "docs": // wrote the help into files, for a web site
		return command{what: showHelp}, nil
	case "status":
		fs.StringVar(&cmd.ask, "status.http.host-port", "", "")
		cmd.what, args = askStatus, args[1:]
	}

	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp) || len(args) == 1 && first == "help":
		return command{what: showHelp}, nil
	case err != nil:
		return command{}, explain(err)
	case version || len(args) == 1 && first == "version":
		return command{what: showVersion}, nil
	case fs.NArg() > 0 && slices.Contains([]string{"help", "version", "status"}, fs.Arg(0)):
		return command{}, fmt.Errorf("%s stands first and alone", fs.Arg(0))
	case fs.NArg() > 0:
		return command{}, fmt.Errorf("%q is not a flag; the commands are help, status and version", fs.Arg(0))
	case slices.Contains(configs, ""):
		return command{}, errors.New("--config needs a value")
	case slices.Contains(cmd.endpoints, ""):
		return command{}, errors.New("--endpoint needs a value")
	case len(configs) > 1:
		return command{}, errors.New("--config is given twice; a configuration is one file")
	case checks && ready:
		return command{}, errors.New("--check and --ready are two questions; ask one")
	case checks:
		cmd.what = check
	case ready:
		cmd.what = askReady
	}
	if len(configs) > 0 {
		cmd.file = configs[0]
	}
	return cmd, nil
}

// explain says what package flag says, with a way out.
func explain(err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return errors.New(strings.Replace(err.Error(), ": -", ": --", 1)) // as people write it
	}
	known := slices.Clone(flagNames)
	for f := range jaegerflags.Flags {
		known = append(known, f.Name)
	}
	if near := config.Nearest(name, known); near != "" {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", name, near)
	}
	if strings.Contains(name, ".") {
		return fmt.Errorf("unknown flag --%s; the Jaeger Agent 1.62 had none of that name either", name)
	}
	return fmt.Errorf("unknown flag --%s; there are --%s, and the Jaeger Agent's", name, strings.Join(flagNames, ", --"))
}
