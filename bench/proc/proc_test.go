package proc

import "testing"

func TestStatOfAProcessWithABadName(t *testing.T) {
	got, err := parseStat("7 (a) b (c 1 2) R 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 8 0 99 0 0")
	if err != nil || got != 168*Tick {
		t.Errorf("got %v, %v; want %v", got, err, 168*Tick)
	}
	if _, err := parseStat("7 (x) R 1"); err == nil {
		t.Error("a short line was taken")
	}
}

func TestUDPTable(t *testing.T) {
	const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 0100007F:1AAF 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 1 2 0000000000000000 12
  101: 0100007F:1AB0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 3
`
	got, err := parseUDP([]byte(table), 6831)
	if err != nil || len(got) != 1 || got[0] != (UDP{Queued: 2560, Drops: 12}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, _ := parseUDP([]byte(table), 6833); len(got) != 0 {
		t.Errorf("found %v at a port that nobody has", got)
	}
}
