package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wrong is what an error says of a value: what is wrong with it, and the fix.
func wrong(what, fix string) error { return fmt.Errorf("%s; %s", what, fix) }

// sizes are in bytes, from lo to hi.
type sizes struct{ lo, hi int }

func (s sizes) takes() string { return "size, " + formatSize(s.lo) + " to " + formatSize(s.hi) }

func (s sizes) format(n int) string { return formatSize(n) }

func (s sizes) parse(text string) (int, error) {
	if number := strings.TrimSpace(text); isNumber(number) {
		return 0, wrong("has no unit", "write "+s.likely(number))
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, err
	}
	if n < int64(s.lo) {
		return 0, wrong("is too small", "write at least "+formatSize(s.lo))
	}
	if n > int64(s.hi) {
		return 0, wrong("is too large", "write at most "+formatSize(s.hi))
	}
	return int(n), nil
}

// likely is a number that has no unit with the smallest that makes it a size
// which may be written: who writes 8 for buffer.memory doesn't mean bytes.
func (s sizes) likely(number string) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n, err := parseSize(number + unit); err == nil && n >= int64(s.lo) && n <= int64(s.hi) {
			return formatSize(int(n))
		}
	}
	return "a size from " + formatSize(s.lo) + " to " + formatSize(s.hi)
}

var units = []struct {
	name string
	size int64
}{
	{"GiB", gib},
	{"MiB", mib},
	{"KiB", kib},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

func parseSize(text string) (int64, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	number, unit := text[:end], text[end:]
	if number == "" {
		return 0, wrong("is not a size", "write a whole number and a unit, like 4MiB")
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return 0, wrong("is too large", "use a larger unit (KiB, MiB, GiB)")
	}
	for _, u := range units {
		if u.name == unit {
			return n * u.size, nil // below 2^31 · 2^30
		}
	}
	fix := "the units are B, KiB, MiB, GiB, kB, MB, GB"
	unit = strings.TrimSpace(unit)
	for i, first := range []string{"k", "m", "g"} {
		if strings.HasPrefix(strings.ToLower(unit), first) {
			fix = "write " + number + []string{"KiB", "MiB", "GiB"}[i]
		}
	}
	return 0, wrong(brief(unit)+" is not a unit of size", fix)
}

// formatSize writes n in the unit that gives the shortest whole number.
func formatSize(n int) string {
	best := strconv.Itoa(n) + "B"
	for _, u := range units {
		if n > 0 && int64(n)%u.size == 0 {
			if s := strconv.FormatInt(int64(n)/u.size, 10) + u.name; len(s) < len(best) {
				best = s
			}
		}
	}
	return best
}

// durations are from lo to hi.
type durations struct{ lo, hi time.Duration }

func (d durations) takes() string {
	return "duration, " + formatDuration(d.lo) + " to " + formatDuration(d.hi)
}

func (d durations) format(v time.Duration) string { return formatDuration(v) }

func (d durations) parse(text string) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	switch {
	case err == nil && text != "0":
	case isNumber(text):
		return 0, wrong("has no unit", "write "+text+"s")
	case strings.HasSuffix(text, "d") && isNumber(strings.TrimSuffix(text, "d")):
		return 0, wrong("days are not a unit", "write hours, like 24h")
	default:
		return 0, wrong("is not a duration", "write a number and a unit, like 500ms, 10s or 24h")
	}
	if v < d.lo {
		return 0, wrong("is too short", "write at least "+formatDuration(d.lo))
	}
	if v > d.hi {
		return 0, wrong("is too long", "write at most "+formatDuration(d.hi))
	}
	return v, nil
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}

// formatDuration writes 24h where time.Duration writes 24h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// choices are words; those in later have a meaning in a later version.
type choices struct{ now, later []string }

func (c choices) takes() string          { return strings.Join(c.now, " or ") }
func (c choices) format(s string) string { return s }

func (c choices) parse(text string) (string, error) {
	if slices.Contains(c.now, text) {
		return text, nil
	}
	what := "is not a choice"
	if slices.Contains(c.later, text) {
		what = "not in this version yet"
	}
	return "", wrong(what, "write "+c.takes())
}

// flags are true or false.
type flags struct{}

func (flags) takes() string        { return "true or false" }
func (flags) format(b bool) string { return strconv.FormatBool(b) }

func (flags) parse(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, wrong("is neither true nor false", "write one of them")
	}
	return text == "true", nil
}

// serverNames are what a certificate can be for; "" is none.
type serverNames struct{}

func (serverNames) takes() string          { return "host name or IP address" }
func (serverNames) format(s string) string { return s }

func (serverNames) parse(text string) (string, error) {
	if _, err := parseIP(text); text != "" && err != nil && !isName(text) {
		return "", wrong("is not a host name or an IP address", "write the name that stands in the certificate, without a port")
	}
	return text, nil
}
