// Package figures writes numbers for people.
package figures

import (
	"fmt"
	"strconv"
)

// Grouped is n with a comma between groups of three digits.
func Grouped[N int | uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count is a number of things: "1 span", "2,000 spans".
func Count[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Grouped(n) + " " + what + "s"
}

// Bytes is a size, to two digits or more.
func Bytes(n uint64) string {
	switch {
	case n < 10_000:
		return Grouped(n) + " bytes"
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// Duration is a number of nanoseconds, to three digits or so, in at most 11
// cells: whole days beyond a hundred of them. Units have two letters or a
// space, so that numbers stand under numbers when the texts are put flush
// right.
func Duration(ns uint64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%d ns", ns)
	case ns < 999_500:
		return three(float64(ns)/1e3) + " µs"
	case ns < 999_500_000:
		return three(float64(ns)/1e6) + " ms"
	case ns < 59_950_000_000:
		return three(float64(ns)/1e9) + " s "
	}
	seconds := ns/1e9 + ns%1e9/5e8
	if seconds < 3600 {
		return fmt.Sprintf("%d m %02d s ", seconds/60, seconds%60)
	}
	hours := seconds / 3600
	if hours < 100 {
		return fmt.Sprintf("%d h %02d m ", hours, seconds/60%60)
	}
	if hours < 100*24 {
		return fmt.Sprintf("%d d %02d h ", hours/24, hours%24)
	}
	return fmt.Sprintf("%d d ", hours/24)
}

func three(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
