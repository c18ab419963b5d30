package figures

import (
	"math"
	"testing"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -123: "-123", -1234: "-1,234"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 spans", 1: "1 span", 2000: "2,000 spans"} {
		if got := Count(n, "span"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{9_999: "9,999 bytes", 10_000: "10.0 kB", 65_432: "65.4 kB", 1_234_567: "1.2 MB", 12_345_678: "12.3 MB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[uint64]string{
		0: "0 ns", 999: "999 ns", 1000: "1.00 µs", 12_340: "12.3 µs", 999_499: "999 µs", 999_500: "1.00 ms",
		9_994_000: "9.99 ms", 9_996_000: "10.0 ms", 182_000_000: "182 ms", 999_600_000: "1.00 s ",
		59_940_000_000: "59.9 s ", 59_960_000_000: "1 m 00 s ", 60e9: "1 m 00 s ", 3599e9: "59 m 59 s ", 3_599_700_000_000: "1 h 00 m ", 3661e9: "1 h 01 m ",
		359_999e9: "99 h 59 m ", 360_000e9: "4 d 04 h ", 8_639_999e9: "99 d 23 h ", 8_640_000e9: "100 d ", math.MaxUint64: "213503 d ",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%d: %q, want %q", ns, got, want)
		}
	}
}
