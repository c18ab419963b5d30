package slack

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The program goes on as the same process, with the same arguments, and every
// thread has the slack.
func TestAllow(t *testing.T) {
	const want = 3 * time.Millisecond
	if os.Getenv("SLACK_TEST") != "" {
		Allow(want)
		slack := make(chan int)
		for range 4 { // threads of their own
			go func() {
				n, _ := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
				slack <- n
			}()
		}
		fmt.Printf("%d %s %d %d %d %d\n", os.Getpid(), os.Args[len(os.Args)-1], <-slack, <-slack, <-slack, <-slack)
		os.Exit(0)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAllow$", "an argument")
	cmd.Env = append(os.Environ(), "SLACK_TEST=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n := want.Nanoseconds()
	if got, want := string(out), fmt.Sprintf("%d an argument %d %d %d %d\n", cmd.Process.Pid, n, n, n, n); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
