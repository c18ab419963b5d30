package pages

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRangesAreOfTheProgramAndReadOnly(t *testing.T) {
	const maps = `00400000-00701000 r-xp 00000000 fe:00 1441802   /wayside-agent
00701000-00a11000 r--p 00301000 fe:00 1441802   /wayside-agent
00a11000-00a6c000 rw-p 00611000 fe:00 1441802   /wayside-agent
00a6c000-00aa9000 rw-p 00000000 00:00 0
c000000000-c000400000 rw-p 00000000 00:00 0     [anon: Go: heap]
7f1000000000-7f1000020000 r-xp 00000000 fe:00 99 /lib/other.so
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]
`
	want := []memory{{0x400000, 0x301000}, {0x701000, 0x310000}}
	if got := ranges([]byte(maps)); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
}

func TestReleaseLowersResidentMemoryAndTheProgramGoesOn(t *testing.T) {
	before := fileRSS(t)
	released, err := Release()
	if err != nil || released < 1<<20 {
		t.Fatalf("%d bytes, %v", released, err)
	}
	if after := fileRSS(t); after >= before {
		t.Errorf("%d kB of files resident before, %d after", before, after)
	}
}

// Of what is mapped of the program, a page is read without those around it: the
// kernel shows that as the flag rr (proc_pid_smaps(5), VmFlags).
func TestPagesAreReadAloneAfterRelease(t *testing.T) {
	if _, err := Release(); err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("this kernel does not tell how mappings are read: ", err)
	}
	text := string(smaps)
	for _, r := range ranges(smaps) {
		_, of, _ := strings.Cut(text, fmt.Sprintf("%08x-%08x ", r.start, r.start+r.length))
		_, flags, _ := strings.Cut(of, "VmFlags:")
		flags, _, _ = strings.Cut(flags, "\n")
		if !slices.Contains(strings.Fields(flags), "rr") {
			t.Errorf("%x: flags %q", r, flags)
		}
	}
}

// fileRSS is what is resident of files, in kB.
func fileRSS(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "RssFile:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Skip("this kernel does not tell RssFile")
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
