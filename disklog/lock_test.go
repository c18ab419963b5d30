package disklog_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	k, err := disklog.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disklog.LockDir(dir); !errors.Is(err, disklog.ErrLocked) {
		t.Error(err)
	}
	if err := k.Unlock(); err != nil {
		t.Error(err)
	}
	if k, err = disklog.LockDir(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "lock")); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := k.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := disklog.LockDir(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A killed process keeps nothing, although a child that it has started lives on.
func TestLockOfAKilledProcess(t *testing.T) {
	if dir := os.Getenv("DISKLOG_TEST_LOCK"); dir != "" {
		k, err := disklog.LockDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command("sleep", "60")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("child", child.Process.Pid)
		for {
			time.Sleep(time.Minute)
			runtime.KeepAlive(k) // a lock that nobody has is closed with the garbage
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestLockOfAKilledProcess$")
	cmd.Env = append(os.Environ(), "DISKLOG_TEST_LOCK="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "child %d", &pid)
	}
	if pid == 0 {
		t.Fatal("the child did not say that it has the lock")
	}
	child, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	if _, err := disklog.LockDir(dir); !errors.Is(err, disklog.ErrLocked) {
		t.Errorf("while the process lives: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	k, err := disklog.LockDir(dir)
	if err != nil {
		t.Fatalf("after it was killed: %v", err)
	}
	if err := k.Unlock(); err != nil {
		t.Error(err)
	}
}
