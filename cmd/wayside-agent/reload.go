package main

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/agent/config"
)

// reloader takes up changed configurations for an agent.
type reloader struct {
	agent *agent.Agent
	cmd   command
	base  baseline
	log   *slog.Logger
	said  string // the last problem of a reload that changed nothing
}

// due says whether to reload although nothing has changed: a degraded agent's
// configuration may have become right by files that it names, such as those for
// TLS.
func (r *reloader) due() bool { return r.cmd.degraded && len(r.agent.Wrong()) > 0 }

// reload takes up a changed configuration; a wrong one changes nothing, but for a
// degraded agent, which makes the best of it.
func (r *reloader) reload() {
	was := r.agent.Wrong()
	cfg, from, err := r.cmd.load()
	var wrong []string
	if err != nil && r.due() {
		if cfg, wrong = r.cmd.salvage(err); slices.Equal(wrong, was) {
			return
		}
		err = nil
	}
	if all, ok := errors.AsType[config.Errors](err); ok {
		for _, e := range all {
			r.log.Error("the configuration is wrong", "error", e)
		}
		r.log.Error("configuration not reloaded: the old one stays in force", "files", from.files)
		return
	}
	var restart []string
	if err == nil {
		restart, err = r.apply(cfg, wrong)
	}
	if err != nil {
		if !r.due() || err.Error() != r.said {
			r.log.Error("configuration not reloaded: the old one stays in force", "files", from.files, "error", err)
		}
		r.said = err.Error()
		return
	}
	r.said = ""
	r.base.limit(cfg)
	if wrong == nil {
		r.log.Info("configuration reloaded", "files", from.files, "was_degraded", was != nil)
	} else {
		r.degraded(wrong, from.files)
	}
	if len(restart) > 0 {
		r.log.Warn("some changed keys take effect when the agent is restarted", "keys", restart)
	}
}

func (r *reloader) apply(cfg *config.Config, wrong []string) (restart []string, err error) {
	if wrong != nil {
		return r.agent.Degrade(cfg, wrong)
	}
	return r.agent.Reload(cfg)
}

// degraded tells the log that the agent is.
func (r *reloader) degraded(wrong, files []string) {
	r.log.Error("degraded: the configuration is wrong; spans are kept, and none is delivered until it is right",
		"wrong", wrong, "files", files, "tried_again_every", lookEvery.String())
}
