// The operator: it puts agents into a Kubernetes cluster as TraceAgents say.
// `wayside-operator --help` says how to run it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/wayside-tracing/wayside/internal/version"
)

// Exit codes.
const (
	ok       = 0
	failure  = 1
	wrongUse = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	cmd, err := parseArgs(args, os.Getenv)
	if err != nil {
		fmt.Fprintf(stderr, "wayside-operator: %v (see wayside-operator --help)\n", err)
		return wrongUse
	}
	switch cmd.what {
	case showHelp:
		fmt.Fprint(stdout, usage)
		return ok
	case showVersion:
		fmt.Fprintln(stdout, "wayside-operator", version.Read())
		return ok
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := operate(ctx, cmd, stderr); err != nil {
		fmt.Fprintf(stderr, "wayside-operator: %v\n", err)
		return failure
	}
	return ok
}
