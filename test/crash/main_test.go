//go:build crash

package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/test/crash/process"
)

var (
	seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of all that is random")
	long = flag.Bool("long", false, "the long run")
)

// binaryVariable names the agent to break, for those who have one.
const binaryVariable = "WAYSIDE_AGENT"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	fmt.Printf("seed %d (again: go test -tags crash ./test/crash -args -seed %d)\n", *seed, *seed)
	if os.Getenv(binaryVariable) == "" {
		folder, err := os.MkdirTemp("", "wayside-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		binary, err := process.Build(context.Background(), folder, "wayside-agent")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		os.Setenv(binaryVariable, binary)
	}
	return m.Run()
}

// random is a source of its own for each test, so that the order in which
// tests run does not matter.
func random(t *testing.T) *rand.Rand {
	var h uint64
	for _, c := range t.Name() {
		h = h*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(*seed, h))
}

// times is for how long a scenario goes on: ten times as long in the long run.
func times(d time.Duration) time.Duration {
	if *long {
		return 10 * d
	}
	return d
}
