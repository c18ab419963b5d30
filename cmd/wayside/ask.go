package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/wayside-tracing/wayside/kube/apiserver"
	"github.com/wayside-tracing/wayside/kube/explain"
)

const aboutExplain = `wayside explain KIND/NAME says what a pod got of Wayside, or why it got nothing,
which agent its spans go to, and what became of them there:

  wayside explain pod/web-7d9f8c-x2x4q -n shop
  wayside explain deployment/web
  wayside explain namespace/shop

KIND is pod, deployment, statefulset, daemonset, replicaset, job, cronjob or
namespace, or a short name of kubectl's; without it NAME is a pod. The cluster is
the one that kubectl would ask, and is only read. What you may not see is named at
the end, with the permission that it takes: to see pods is enough to begin with.

An agent's account is asked for through the API server (get pods/proxy), or else
by a forwarded port (create pods/portforward).

--json writes all that is known as one object: subject, findings (the worst
first, with level, says and then), pods, trace_agents, operator and unknown.

Exit status: 0; 1 when it could not be found out; 2 when it was called wrongly.
`

// choice adds the flags that say which cluster is meant.
func choice(fs *flag.FlagSet) *apiserver.Choice {
	c := new(apiserver.Choice)
	fs.StringVar(&c.Namespace, "namespace", "", "the `NAMESPACE`; without it, that of the kubeconfig's context")
	fs.StringVar(&c.Namespace, "n", "", "the same, in short (`NAMESPACE`)")
	fs.StringVar(&c.Context, "context", "", "the kubeconfig's `CONTEXT` to use")
	fs.StringVar(&c.Kubeconfig, "kubeconfig", "", "the kubeconfig's `FILE`")
	return c
}

// parseAround is parse for a command that takes up to most words beside flags, in
// any order.
func parseAround(fs *flag.FlagSet, args []string, most int, about string, stdout, stderr io.Writer) (words []string, code int, goOn bool) {
	var flags []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if len(arg) < 2 || arg[0] != '-' {
			words = append(words, arg)
			continue
		}
		flags = append(flags, arg)
		name := strings.TrimLeft(arg, "-")
		f := fs.Lookup(name) // nil with =, or if there is none
		if f == nil {
			continue
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); (!ok || !b.IsBoolFlag()) && len(args) > 0 {
			flags = append(flags, args[0])
			args = args[1:]
		}
	}
	if len(words) > most {
		flags = append(flags, words[most:]...) // parse says that they are too many
	}
	code, goOn = parse(fs, flags, about, stdout, stderr)
	return words[:min(len(words), most)], code, goOn
}

func explainSubject(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	where := choice(fs)
	asJSON := fs.Bool("json", false, "write JSON")
	operator := fs.String("operator-namespace", "wayside-system", "the `NAMESPACE` where the operator is")
	words, code, goOn := parseAround(fs, args, 2, aboutExplain, stdout, stderr)
	if !goOn {
		return code
	}
	if len(words) == 0 {
		return wrong(stderr, fs, fmt.Errorf("what is to be explained? Write KIND/NAME, such as pod/web-1 or namespace/shop"))
	}
	subject, err := explain.ParseSubject(strings.Join(words, "/"), where.Namespace) // "pod NAME" is well known, too
	if err != nil {
		return wrong(stderr, fs, err)
	}
	ctx, restore := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer restore()
	client, err := apiserver.Open(*where)
	if err != nil {
		return failed(stderr, fs, err)
	}
	if subject.Kind != "namespace" {
		subject.Namespace = client.Namespace
	}
	facts, err := explain.Gather(ctx, client, subject, explain.Options{OperatorNamespace: *operator})
	if err != nil {
		return failed(stderr, fs, err)
	}
	report := explain.Explain(facts)
	if *asJSON {
		err = writeJSON(stdout, report)
	} else {
		err = report.Write(stdout)
	}
	if err != nil {
		return failed(stderr, fs, err)
	}
	return ok
}

// failed says in one line why a command could not do what it was called for.
func failed(stderr io.Writer, fs *flag.FlagSet, err error) int {
	fmt.Fprintf(stderr, "wayside %s: %s\n", fs.Name(), strings.ReplaceAll(err.Error(), "\n", "; "))
	return failure
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
