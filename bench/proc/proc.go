// Package proc reads what Linux tells about a process, a socket and the host:
// CPU, memory, and what the kernel dropped.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Tick is the unit of times in /proc (USER_HZ, 100 on every Linux that Go runs on).
const Tick = time.Second / 100

// CPU is the user and system time that a process has used, its ended threads included.
type CPU struct {
	Exact time.Duration `json:"exact_ns"` // of the process's CPU clock, to the nanosecond
	Stat  time.Duration `json:"stat_ns"`  // of /proc/PID/stat, to the Tick
}

// ReadCPU returns the CPU time of a process until now.
func ReadCPU(pid int) (CPU, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return CPU{}, err
	}
	stat, err := parseStat(string(b))
	if err != nil {
		return CPU{}, err
	}
	exact, err := clockOf(pid)
	return CPU{Exact: exact, Stat: stat}, err
}

// parseStat adds utime and stime, fields 14 and 15 (proc_pid_stat(5)). The
// second field is a name in parentheses that may hold anything.
func parseStat(s string) (time.Duration, error) {
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("proc: stat has %d fields", len(fields))
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * Tick, errors.Join(err1, err2)
}

// Memory is a process's memory in bytes.
type Memory struct {
	RSS       uint64 `json:"rss"`       // VmRSS
	Anonymous uint64 `json:"anonymous"` // RssAnon
	Peak      uint64 `json:"peak"`      // VmHWM, since the start or the last ResetPeak
}

// ReadMemory returns the memory of a process now.
func ReadMemory(pid int) (Memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	wanted := map[string]*uint64{"VmRSS": &m.RSS, "RssAnon": &m.Anonymous, "VmHWM": &m.Peak}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		to := wanted[name]
		if to == nil {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("proc: %s: %w", name, err)
		}
		*to = kib << 10
	}
	return m, nil
}

// ResetPeak makes VmHWM begin anew (proc(5), clear_refs, 5).
func ResetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// UDP is a UDP socket as the kernel sees it.
type UDP struct {
	Queued uint64 // bytes waiting, with the kernel's bookkeeping
	Drops  uint64 // packets dropped because the socket buffer was full
}

// ErrNoSocket says that no process has this port.
var ErrNoSocket = errors.New("proc: no UDP socket with this port")

// ReadUDP finds the socket that is bound to a port, in IPv4 or IPv6. More than one is an error.
func ReadUDP(port int) (UDP, error) {
	var found []UDP
	for _, file := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return UDP{}, err
		}
		more, err := parseUDP(b, port)
		if err != nil {
			return UDP{}, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, more...)
	}
	switch len(found) {
	case 0:
		return UDP{}, ErrNoSocket
	case 1:
		return found[0], nil
	}
	return UDP{}, fmt.Errorf("proc: %d UDP sockets with port %d", len(found), port)
}

// parseUDP reads the table: "sl: local:port remote:port st tx:rx … drops", hexadecimal but for drops.
func parseUDP(b []byte, port int) (found []UDP, err error) {
	suffix := fmt.Sprintf(":%04X", port)
	for line := range bytes.Lines(b) {
		f := strings.Fields(string(line))
		if len(f) < 13 || !strings.HasSuffix(f[1], suffix) {
			continue
		}
		var u UDP
		_, queued, _ := strings.Cut(f[4], ":")
		if u.Queued, err = strconv.ParseUint(queued, 16, 64); err != nil {
			return nil, err
		}
		if u.Drops, err = strconv.ParseUint(f[len(f)-1], 10, 64); err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return found, nil
}

// ReadSoftnetDrops returns how many packets of any kind the host dropped before
// they reached a socket (the second column of /proc/net/softnet_stat).
func ReadSoftnetDrops() (sum uint64, err error) {
	b, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, err := strconv.ParseUint(f[1], 16, 64)
		if err != nil {
			return 0, fmt.Errorf("proc: softnet_stat: %w", err)
		}
		sum += n
	}
	return sum, nil
}

// ReadBusy returns the time that all cores together have not been idle; time
// that a hypervisor took away is in it.
func ReadBusy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	f := strings.Fields(strings.SplitN(string(b), "\n", 2)[0])
	if len(f) < 9 || f[0] != "cpu" {
		return 0, errors.New("proc: stat has no line for all cores")
	}
	var busy time.Duration
	// user nice system idle iowait irq softirq steal (proc_stat(5))
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("proc: stat: %w", err)
		}
		busy += time.Duration(n) * Tick
	}
	return busy, nil
}
