package main

import (
	"errors"
	"log/slog"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/agent/config"
)

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
