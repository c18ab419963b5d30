package harness

import (
	"os"
	"testing"
)

// Two tests, or two runs side by side, were given one port now and then.
func TestPortIsGivenOnce(t *testing.T) {
	port := 100_000 + 2*os.Getpid() // no port, and nobody else's
	if !reserve(t, port) || reserve(t, port) {
		t.Error("a port was not given, or twice")
	}
	t.Run("until the test ends", func(t *testing.T) {
		if !reserve(t, port+1) {
			t.Error("a port was not given")
		}
	})
	if !reserve(t, port+1) {
		t.Error("a port is not free when its test has ended")
	}
}
