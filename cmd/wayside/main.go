// Wayside for people: the agent with a collector that shows traces, a generator of
// load, and what there is to ask about Wayside on Kubernetes. `wayside help` says
// more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/wayside-tracing/wayside/internal/version"
)

const help = `wayside takes the traces of your apps and brings them where you can see them.

  wayside up        start here: the agent and a collector in one, with no
                    configuration; shows traces in the terminal as they arrive
  wayside loadgen   send the traces of an invented web shop to an agent
  wayside explain   on Kubernetes: what a pod got, or why it got nothing, and
                    what became of its spans
  wayside migrate   on Kubernetes: from the Jaeger Agent, its operator's sidecars
                    or the OpenTelemetry operator's; prints what to do
  wayside version   which build this is
  wayside help      this text; "wayside COMMAND --help" says more of one

In a hurry:   wayside up --demo
The agent alone, for servers, is wayside-agent.
`

// Exit codes.
const (
	ok       = 0
	failure  = 1
	wrongUse = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it ends when the command has, or when ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, help)
		return wrongUse
	}
	switch args[0] {
	case "up":
		return up(ctx, args[1:], stdout, stderr)
	case "loadgen":
		return sendLoad(ctx, args[1:], stdout, stderr)
	case "explain":
		return explainSubject(ctx, args[1:], stdout, stderr)
	case "migrate":
		return migrateCluster(ctx, args[1:], stdout, stderr)
	case "version", "--version", "-version":
		fmt.Fprintln(stdout, "wayside", version.Read())
		return ok
	case "help", "--help", "-help", "-h":
		if len(args) > 1 && args[1] != "help" && args[1] != "version" {
			return run(ctx, []string{args[1], "--help"}, stdout, stderr)
		}
		fmt.Fprint(stdout, help)
		return ok
	}
	fmt.Fprintf(stderr, "wayside: there is no command %q; there are up, loadgen, explain, migrate, version and help\n", args[0])
	return wrongUse
}

// parse reads a command's flags. When it returns false, the command ends with
// the exit code: help was asked for, or something was wrong and was said.
func parse(fs *flag.FlagSet, args []string, about string, stdout, stderr io.Writer) (code int, goOn bool) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, about)
		printFlags(stdout, fs)
		return ok, false
	case err == nil && fs.NArg() > 0:
		err = fmt.Errorf("%q is not a flag, and nothing else is taken", fs.Arg(0))
	}
	if err != nil {
		return wrong(stderr, fs, err), false
	}
	return ok, true
}

// wrong says in one line what is wrong with how a command was called.
func wrong(stderr io.Writer, fs *flag.FlagSet, err error) int {
	fmt.Fprintf(stderr, "wayside %s: %v (see wayside %s --help)\n", fs.Name(), err, fs.Name())
	return wrongUse
}

func printFlags(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintln(w, "\nFlags:")
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		left := "--" + f.Name
		if value != "" {
			left += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" && f.DefValue != "0" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-20s %s\n", left, usage)
	})
}
