package accept

import (
	"bytes"
	"os"
	"strconv"
)

// SoftnetDrops reads how many packets of any kind this host has dropped since
// it started because a CPU's backlog was full: the second column of
// /proc/self/net/softnet_stat, in hex, a line for each CPU. It is 0 where there is
// no such file.
func SoftnetDrops() uint64 {
	b, err := os.ReadFile("/proc/self/net/softnet_stat")
	if err != nil {
		return 0
	}
	return softnetDrops(b)
}

func softnetDrops(stat []byte) (drops uint64) {
	for line := range bytes.Lines(stat) {
		columns := bytes.Fields(line)
		if len(columns) < 2 {
			continue
		}
		n, err := strconv.ParseUint(string(columns[1]), 16, 32)
		if err == nil {
			drops += n
		}
	}
	return drops
}
