// Package endtoend runs the real programs from end to end: a real client in the test's own process sends by UDP to the real
// agent, which delivers to a real collector.
package endtoend

import (
	"os"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
