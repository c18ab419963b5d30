package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/migrate"
)

const aboutMigrate = `wayside migrate finds what a cluster has of the Jaeger Agent, of the Jaeger
operator's sidecars and of the OpenTelemetry operator's, and writes a script that
moves it to Wayside: TraceAgents that carry over what the old agents were told, and
patches. It changes nothing: read the script, and run it step by step.

  wayside migrate -n shop > shop.sh
  wayside migrate -A
  helm template my-chart | wayside migrate --from-file -

Found are DaemonSets and containers with the image jaeger-agent, of any registry,
and the annotations sidecar.jaegertracing.io/inject and
sidecar.opentelemetry.io/inject. What can't be carried over is named in the script,
NOT CARRIED OVER, with what to do about it; a summary goes to standard error.

Exit status: 0 when nothing was found, or all of it can be carried over; 3 when
something can't, or could not be looked at; 1 when it failed; 2 when it was called
wrongly.
`

// undecided is the exit code of a plan that leaves something to people.
const undecided = 3

func migrateCluster(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("migrate", flag.ContinueOnError)
	where := choice(fs)
	everywhere := fs.Bool("A", false, "look through all namespaces")
	file := fs.String("from-file", "", "read manifests from this `FILE` (- is standard input) in place of a cluster")
	asJSON := fs.Bool("json", false, "write the plan as JSON: found, steps (what, notes, lost, command, manifest) and unseen")
	if _, code, goOn := parseAround(fs, args, 0, aboutMigrate, stdout, stderr); !goOn {
		return code
	}
	switch {
	case *everywhere && where.Namespace != "":
		return wrong(stderr, fs, errors.New("-A is all namespaces, and -n is one; give one of them"))
	case *everywhere && *file != "":
		return wrong(stderr, fs, errors.New("-A is about a cluster; --from-file takes all that is in the file"))
	}
	ctx, restore := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer restore()
	inventory, err := lookThrough(ctx, *file, *everywhere, *where)
	if err != nil {
		return failed(stderr, fs, err)
	}
	plan := migrate.NewPlan(inventory)
	if *asJSON {
		err = writeJSON(stdout, plan)
	} else {
		err = plan.Write(stdout)
	}
	if err != nil {
		return failed(stderr, fs, err)
	}
	fmt.Fprintf(stderr, "wayside migrate: %s\n", plan.Summary())
	if plan.Lost() > 0 || len(plan.Unseen) > 0 {
		return undecided
	}
	return ok
}

func lookThrough(ctx context.Context, file string, everywhere bool, where apiserver.Choice) (*migrate.Inventory, error) {
	switch file {
	case "":
		client, err := apiserver.Open(where)
		if err != nil {
			return nil, err
		}
		if everywhere {
			client.Namespace = ""
		}
		return migrate.Gather(ctx, client, client.Namespace)
	case "-":
		return migrate.Read(os.Stdin, namespaceOr(where.Namespace))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	inventory, err := migrate.Read(f, namespaceOr(where.Namespace))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return inventory, nil
}

// namespaceOr is the one of manifests that name none.
func namespaceOr(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}
