// The agent: it keeps the spans of the apps beside it and brings them to a
// collector. `wayside-agent --help` says how to run it; package agent has the
// picture of what runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/activation"
	"github.com/wayside-tracing/wayside/internal/pages"
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
	}

	from, err := cmd.source()
	loaded := stat(from.files) // before they are read: a change meanwhile is one
	var cfg *config.Config
	if err == nil {
		cfg, from, err = cmd.load()
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return failure
	}
	if cmd.what == check {
		for _, w := range from.warnings {
			fmt.Fprintln(stderr, "warning:", w)
		}
		if err := cfg.Effective().WriteYAML(stdout); err != nil {
			fmt.Fprintln(stderr, err)
			return failure
		}
		return ok
	}

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from here on it reloads and no longer kills
	limit()
	log := logger(cfg, stderr)
	for _, w := range from.warnings {
		log.Warn("a flag of the Jaeger Agent has no effect", "flag", w.Flag, "why", w.Why)
	}
	manager, err := activation.Inherit()
	if err != nil {
		log.Warn("the service manager's sockets", "error", err)
	}
	a, err := agent.NewManaged(cfg, log, manager)
	if err != nil {
		fmt.Fprintf(stderr, "wayside-agent: %v\n", err)
		return failure
	}
	base := newBaseline()
	base.limit(cfg)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	go watch(ctx, from.files, loaded, hangup, func() { reload(a, cmd, base, log) })
	time.AfterFunc(startEnds, func() { releasePages(log) })
	err = a.Run(ctx)
	terminationMessage("/dev/termination-log", a.Status(), err)
	if err != nil {
		fmt.Fprintf(stderr, "wayside-agent: %v\n", err)
		return failure
	}
	return ok
}

// startEnds is when all has been done that is only done at the start.
const startEnds = time.Second

// releasePages gives back what only the start needed of the program itself: a
// third of what an idle agent has resident.
func releasePages(log *slog.Logger) {
	released, err := pages.Release()
	log.Debug("pages of the program released", "bytes", released, "error", err)
}

// terminationMessage writes the accounts that the process ends with where
// Kubernetes looks for a container's last words (terminationMessagePath's
// default), if there is such a file: `kubectl get pod -o yaml` shows them.
func terminationMessage(file string, st ledger.Status, err error) {
	f, openErr := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if openErr != nil {
		return
	}
	defer f.Close()
	for _, l := range st.Lanes {
		fmt.Fprintf(f, "ledger of lane %s: %v\n", l.Name, l.LogValue())
	}
	if err != nil {
		fmt.Fprintln(f, err)
	}
}

// logger writes to standard error what is at least as important as log.level.
func logger(cfg *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Log.Level)) // config takes slog's names only
	opt := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// reload takes up a changed configuration; a wrong one changes nothing.
func reload(a *agent.Agent, cmd command, base baseline, log *slog.Logger) {
	cfg, from, err := cmd.load()
	if err != nil {
		if all, ok := errors.AsType[config.Errors](err); ok {
			for _, e := range all {
				log.Error("the configuration is wrong", "error", e)
			}
		}
		log.Error("configuration not reloaded: the old one stays in force", "files", from.files)
		return
	}
	restart, err := a.Reload(cfg)
	if err != nil {
		log.Error("configuration not reloaded: the old one stays in force", "files", from.files, "error", err)
		return
	}
	base.limit(cfg)
	log.Info("configuration reloaded", "files", from.files)
	if len(restart) > 0 {
		log.Warn("some changed keys take effect when the agent is restarted", "keys", restart)
	}
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
