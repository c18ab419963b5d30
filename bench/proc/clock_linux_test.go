package proc

import (
	"os"
	"testing"
	"time"
)

// The exact clock and /proc/PID/stat are two views of one thing.
func TestClocksAgree(t *testing.T) {
	for begin := time.Now(); time.Since(begin) < 60*time.Millisecond; {
	}
	cpu, err := ReadCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if cpu.Exact < 10*time.Millisecond || (cpu.Exact-cpu.Stat).Abs() > 5*Tick {
		t.Errorf("exact %v, stat %v", cpu.Exact, cpu.Stat)
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	m, err := ReadMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if m.RSS == 0 || m.Anonymous == 0 || m.Anonymous > m.RSS || m.Peak < m.RSS {
		t.Errorf("%+v", m)
	}
}
