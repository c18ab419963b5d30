package admin

import (
	"math"
	"strconv"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger/losses"
	"github.com/wayside-tracing/wayside/internal/figures"
)

// count writes 1234567 as 1,234,567.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted is a number with its noun: "1 span", "2 spans".
func counted(n uint64, nouns string) string {
	if n == 1 {
		switch nouns {
		case "batches":
			return "1 batch"
		case losses.PacketsOrRequests:
			return "1 packet or request"
		}
		return "1 " + nouns[:len(nouns)-1]
	}
	return count(n) + " " + nouns
}

// size writes bytes in the unit that people expect of memory.
func size(n int) string {
	switch {
	case n < 0:
		return "?"
	case n < 10<<10:
		return count(uint64(n)) + " B"
	case n < 1<<20:
		return strconv.Itoa(n>>10) + " KiB"
	case n < 1<<30:
		return strconv.FormatFloat(math.Floor(float64(n)/(1<<20)*10)/10, 'f', -1, 64) + " MiB"
	}
	return strconv.FormatFloat(math.Floor(float64(n)/(1<<30)*10)/10, 'f', -1, 64) + " GiB"
}

// perSecond writes a rate with as many digits as tell something.
func perSecond(r float64) string {
	switch {
	case r <= 0:
		return "0/s"
	case r < 0.1:
		return "under 0.1/s"
	case r < 10:
		return strconv.FormatFloat(r, 'f', 1, 64) + "/s"
	}
	return count(uint64(math.Round(r))) + "/s"
}

// age writes how long something lasts.
func age(d time.Duration) string { return figures.Age(d) }

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
