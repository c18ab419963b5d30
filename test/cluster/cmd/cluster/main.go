//go:build linux

// Cluster brings up a real Kubernetes on this machine, for tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/test/cluster"
	"github.com/wayside-tracing/wayside/test/cluster/node"
)

const usage = `cluster brings up a real Kubernetes on this machine, in namespaces of its own.
It takes Linux and root; the first time it builds everything, for 15 minutes.

Usage:
  cluster up [--nodes N] [--for DURATION] [--wait DURATION] [IMAGE.tar...]
      Start it; it ends by itself after an hour, or as --for says. --wait waits
      for another one to end. Prints how to reach it.
  cluster load-image IMAGE.tar...
      Make images known to every node. Pods ask for them with
      imagePullPolicy: Never, or IfNotPresent.
  cluster exec [--node N] COMMAND...
      Run something in a node, such as kubectl, or ctr -n k8s.io containers list.
  cluster down
      End it, and remove all that it left but its logs.
  cluster able
      Exit status 0 if this machine can; otherwise what it lacks.
  cluster fast [--oldest] [--controllers] [COMMAND...]
      Only an API server on etcd, on this machine's loopback: no root. It lives
      as long as the command, which finds it by KUBECONFIG; without a command,
      until it is interrupted.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1], os.Args[2:])
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(max(exit.ExitCode(), 1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, verb string, args []string) error {
	switch verb {
	case "up":
		return up(ctx, args)
	case "down":
		c, err := cluster.Find()
		if err != nil {
			return err
		}
		return c.Down()
	case "able":
		return cluster.Able()
	case "load-image":
		return load(ctx, args)
	case "exec":
		return execute(ctx, args)
	case "fast":
		return fast(ctx, args)
	case "help", "--help", "-h":
		fmt.Print(usage)
		return nil

	case cluster.Supervise:
		return cluster.RunSupervisor(args[0])
	case node.Init, node.Work:
		return inside(ctx, verb, args)
	}
	return fmt.Errorf("cluster: there is no %q: see cluster help", verb)
}

func up(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("up", flag.ExitOnError)
	nodes := flags.Int("nodes", 1, "how many nodes")
	life := flags.Duration("for", cluster.DefaultFor, "after which it ends by itself")
	wait := flags.Duration("wait", 0, "how long to wait for another cluster to end")
	_ = flags.Parse(args) // it exits
	began := time.Now()
	c, err := cluster.Up(ctx, cluster.Options{Nodes: *nodes, For: *life})
	for errors.Is(err, cluster.ErrBusy) && time.Since(began) < *wait {
		time.Sleep(time.Second)
		c, err = cluster.Up(ctx, cluster.Options{Nodes: *nodes, For: *life})
	}
	if err != nil {
		return err
	}
	for _, image := range flags.Args() {
		if err := c.LoadImage(ctx, image); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "ready after %.1f s, until %s; logs are in %s\n", time.Since(began).Seconds(), c.Until.Format(time.TimeOnly), c.Logs())
	fmt.Printf("export KUBECONFIG=%s PATH=%s:$PATH\n", c.Kubeconfig, c.Plan.Kubernetes)
	return nil
}

func load(ctx context.Context, images []string) error {
	c, err := cluster.Find()
	if err != nil {
		return err
	}
	for _, image := range images {
		if err := c.LoadImage(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

func execute(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("exec", flag.ExitOnError)
	n := flags.Int("node", 1, "which node")
	_ = flags.Parse(args) // it exits
	c, err := cluster.Find()
	if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("cluster: exec what?")
	}
	cmd, err := c.Command(ctx, *n, flags.Args()...)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func fast(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fast", flag.ExitOnError)
	oldest := flags.Bool("oldest", false, "the oldest Kubernetes that Wayside is for, instead of the newest")
	controllers := flags.Bool("controllers", false, "with a controller manager and a scheduler")
	_ = flags.Parse(args) // it exits
	folder, err := os.MkdirTemp("", "wayside-fast-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	s, err := cluster.StartFast(ctx, folder, cluster.FastOptions{Oldest: *oldest, Controllers: *controllers})
	if err != nil {
		return err
	}
	defer s.Stop()
	if flags.NArg() == 0 {
		fmt.Printf("export KUBECONFIG=%s PATH=%s:$PATH\n", s.Kubeconfig, filepath.Dir(s.Kubectl))
		<-ctx.Done()
		return nil
	}
	cmd := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig, "PATH="+filepath.Dir(s.Kubectl)+":"+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// inside is what this program is in a node.
func inside(ctx context.Context, verb string, args []string) error {
	p, err := node.Load(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if verb == node.Init {
		return node.RunInit(p, n)
	}
	return node.RunWork(ctx, p, n)
}
