package proc

import (
	"os"
	"testing"
)

// The exact clock and /proc/PID/stat are two views of one thing. The clock goes
// on while this process computes, however long it has to wait for a CPU.
func TestClocksAgree(t *testing.T) {
	var cpu CPU
	for cpu.Exact < 20*Tick {
		var err error
		if cpu, err = ReadCPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if (cpu.Exact - cpu.Stat).Abs() > 5*Tick {
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
