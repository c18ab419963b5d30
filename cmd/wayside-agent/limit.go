package main

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/internal/pages"
)

func unset(name string) bool { return os.Getenv(name) == "" }

// limit keeps the process small. GOGC wins.
func limit() {
	if unset("GOGC") {
		// The spans' way makes hardly any garbage, so that collecting it early
		// costs nothing; by itself the collector would let 4 MB gather first, or
		// as much as the buffer holds.
		debug.SetGCPercent(25)
	}
}

// baseline is what the runtime had from the system when the agent was ready and
// had taken nothing in, in bytes; much of it was never touched.
type baseline int64

func newBaseline() baseline {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return baseline(m.Sys - m.HeapReleased) // what a limit is for: runtime/debug, SetMemoryLimit
}

// codePages is how much of the program is resident besides when it works hard,
// in bytes: it is within the bound, too, and the runtime's limit does not count it.
const codePages = 1 << 20

// limit has garbage collected sooner where both the buffer and what is being
// received come to their bounds: a quarter of all that would be beyond them.
// GOMEMLIMIT wins.
func (b baseline) limit(cfg *config.Config) {
	if unset("GOMEMLIMIT") {
		debug.SetMemoryLimit(int64(b) + int64(cfg.Buffer.Memory) + accept.Receiving - codePages)
	}
}

// startEnds is when all has been done that is only done at the start.
const startEnds = time.Second

// releasePages gives back what only the start needed of the program itself: a
// third of what an idle agent has resident.
func releasePages(log *slog.Logger) {
	released, err := pages.Release()
	log.Debug("pages of the program released", "bytes", released, "error", err)
}
