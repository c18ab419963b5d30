// The agent: it keeps the spans of the apps beside it and brings them to a
// collector. `wayside-agent --help` says how to run it; package agent has the
// picture of what runs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/internal/activation"
	"github.com/wayside-tracing/wayside/internal/slack"
	"github.com/wayside-tracing/wayside/internal/version"
)

// Exit codes.
const (
	ok       = 0
	failure  = 1 // of the configuration, or of the agent
	wrongUse = 2
)

// timerSlack is how late a wake-up may come. The shortest time that something
// here waits for is 10 ms (agent/accept, rest.go).
const timerSlack = time.Millisecond

func main() {
	slack.Allow(timerSlack)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	cmd, err := parseArgs(args)
	if err != nil {
		fmt.Fprintf(stderr, "wayside-agent: %v (see wayside-agent --help)\n", err)
		return wrongUse
	}
	switch cmd.what {
	case showHelp:
		writeHelp(stdout)
		return ok
	case showVersion:
		fmt.Fprintln(stdout, "wayside-agent", version.Read())
		return ok
	case askReady:
		return answer(cmd, "/readyz", stdout, stderr)
	case askStatus:
		return answer(cmd, "/", stdout, stderr)
	case check:
		return checkConfig(cmd, stdout, stderr)
	}
	return runAgent(cmd, stderr)
}

// checkConfig prints the configuration that an agent would have.
func checkConfig(cmd command, stdout, stderr io.Writer) int {
	cfg, from, err := cmd.load()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return failure
	}
	for _, w := range from.warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	if err := cfg.Effective().WriteYAML(stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return failure
	}
	return ok
}

// runAgent makes an agent and runs it until a signal ends it.
func runAgent(cmd command, stderr io.Writer) int {
	from, _ := cmd.source()    // load says what is wrong with it
	loaded := stat(from.files) // before they are read: a change meanwhile is one
	cfg, from, err := cmd.load()
	var wrong []string
	switch {
	case err == nil:
	case cmd.degraded:
		cfg, wrong = cmd.salvage(err)
	default:
		fmt.Fprintln(stderr, err)
		return failure
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from here on it reloads and no longer kills
	limit()
	out := newLines(stderr)
	defer out.flush()
	log := logger(cfg, out)
	out.tell = func(n int64) { log.Warn("lines of the log were lost: standard error took none", "lines", n) }
	for _, w := range from.warnings {
		log.Warn("a flag of the Jaeger Agent has no effect", "flag", w.Flag, "why", w.Why)
	}
	manager, err := activation.Inherit()
	if err != nil {
		log.Warn("the service manager's sockets", "error", err)
	}
	a, err := agent.NewWith(cfg, log, agent.Options{Manager: manager, Degraded: cmd.degraded, Wrong: wrong})
	if err != nil && cmd.degraded && wrong == nil { // a file has gone since it was checked
		cfg, wrong = cmd.salvage(err)
		a, err = agent.NewWith(cfg, log, agent.Options{Manager: manager, Degraded: true, Wrong: wrong})
	}
	if err != nil {
		fmt.Fprintf(out, "wayside-agent: %v\n", err)
		return failure
	}
	base := newBaseline()
	base.limit(cfg)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if unset("GOMAXPROCS") {
		go newProcessors(cfg).follow(ctx)
	}
	r := &reloader{agent: a, cmd: cmd, base: base, log: log}
	if wrong != nil {
		r.degraded(wrong, from.files)
	}
	go watch(ctx, from.files, loaded, hangup, r)
	time.AfterFunc(startEnds, func() { releasePages(log) })
	err = a.Run(ctx)
	terminationMessage("/dev/termination-log", a.Status(), err)
	if err != nil {
		fmt.Fprintf(out, "wayside-agent: %v\n", err)
		return failure
	}
	return ok
}

// answer tells what a running agent answers.
func answer(cmd command, path string, stdout, stderr io.Writer) int {
	text, err := ask(cmd, path)
	if err != nil {
		fmt.Fprintln(stderr, "wayside-agent: not ready:", err)
		return failure
	}
	fmt.Fprintln(stdout, text)
	return ok
}
