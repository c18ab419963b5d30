package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
)

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
	for _, why := range st.Degraded {
		fmt.Fprintln(f, "degraded:", why)
	}
	if err != nil {
		fmt.Fprintln(f, err)
	}
}
