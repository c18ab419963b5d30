package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wayside-tracing/wayside/agent/config"
)

// What the program is asked to do.
const (
	serve = iota
	check
	showHelp
	showVersion
)

type command struct {
	what   int
	source config.Source
}

var flagNames = []string{"config", "endpoint", "check", "help", "version"}

func parseArgs(args []string) (command, error) {
	var cmd command
	var configs, endpoints []string
	var checks, version bool
	fs := flag.NewFlagSet("wayside-agent", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	add := func(to *[]string) func(string) error {
		return func(v string) error { *to = append(*to, v); return nil }
	}
	fs.Func("config", "", add(&configs))
	fs.Func("endpoint", "", add(&endpoints))
	fs.BoolVar(&checks, "check", false, "")
	fs.BoolVar(&version, "version", false, "")

	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp) || len(args) == 1 && args[0] == "help":
		return command{what: showHelp}, nil
	case err != nil:
		return command{}, explain(err)
	case version || len(args) == 1 && args[0] == "version":
		return command{what: showVersion}, nil
	case fs.NArg() > 0 && (fs.Arg(0) == "help" || fs.Arg(0) == "version"):
		return command{}, fmt.Errorf("%s stands alone", fs.Arg(0))
	case fs.NArg() > 0:
		return command{}, fmt.Errorf("%q is not a flag; the commands are help and version", fs.Arg(0))
	case slices.Contains(configs, ""):
		return command{}, errors.New("--config needs a value")
	case slices.Contains(endpoints, ""):
		return command{}, errors.New("--endpoint needs a value")
	case len(configs) > 1:
		return command{}, errors.New("--config is given twice; a configuration is one file")
	case checks:
		cmd.what = check
	}
	if len(configs) > 0 {
		cmd.source.File = configs[0]
	}
	if len(endpoints) > 0 { // several are a list, as with commas
		cmd.source.Set = []config.Setting{{Key: "deliver.endpoint", Value: strings.Join(endpoints, ","), From: "--endpoint"}}
	}
	return cmd, nil
}

// explain says what package flag says, with a way out.
func explain(err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return errors.New(strings.Replace(err.Error(), ": -", ": --", 1)) // as people write it
	}
	if strings.Contains(name, ".") {
		return fmt.Errorf("unknown flag --%s; the Jaeger Agent's flags are not in this version yet, write --endpoint or a --config file", name)
	}
	if near := config.Nearest(name, flagNames); near != "" {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s; there are --%s", name, strings.Join(flagNames, ", --"))
}
