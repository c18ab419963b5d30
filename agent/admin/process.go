package admin

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// process is what the process takes of the machine. Zero is unknown: memory
// and files are read from /proc, which only Linux has.
type process struct {
	rss, anon  uint64 // bytes; VmRSS and RssAnon of proc_pid_status(5)
	openFiles  uint64
	cpu        time.Duration
	goroutines uint64
	gcCycles   uint64
	heap       uint64 // bytes of objects, live or not yet swept
	mapped     uint64 // bytes that the Go runtime has from the system
}

func readProcess() process {
	var p process
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		p.rss = kilobytes(status, "VmRSS:")
		p.anon = kilobytes(status, "RssAnon:")
	}
	if d, err := os.Open("/proc/self/fd"); err == nil {
		names, _ := d.Readdirnames(-1) // what could be read counts
		d.Close()
		p.openFiles = uint64(max(0, len(names)-1)) // less the one for reading
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		p.cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(samples)
	for i, to := range []*uint64{&p.goroutines, &p.gcCycles, &p.heap, &p.mapped} {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			*to = samples[i].Value.Uint64()
		}
	}
	return p
}

// kilobytes finds "name  123 kB" and returns it in bytes.
func kilobytes(status []byte, name string) uint64 {
	_, rest, ok := bytes.Cut(status, []byte(name))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, _ := strconv.ParseUint(string(bytes.TrimSpace(bytes.TrimSuffix(line, []byte("kB")))), 10, 64)
	return n << 10
}
