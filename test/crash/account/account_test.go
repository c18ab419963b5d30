package account

import (
	"maps"
	"strings"
	"testing"
)

// Every way in which an account can be wrong is found.
func TestCompareBites(t *testing.T) {
	sent := Sent{
		Acknowledged: []Range{{First(1), First(1) + 10}, {First(2), First(2) + 5}},
		Unsure:       []Range{{First(2) + 5, First(2) + 10}},
		Again:        2,
	}
	good := Received{}
	for _, r := range sent.Acknowledged {
		for id := r.From; id < r.To; id++ {
			good[id] = 1
		}
	}
	for _, c := range []struct {
		name        string
		change      func(Received)
		lost, twice int
		want        string // of the one finding; "" is none
	}{
		{"right", func(Received) {}, 0, 0, ""},
		{"an unsure span arrived", func(r Received) { r[First(2)+7] = 1 }, 0, 0, ""},
		{"as many again as were sent again", func(r Received) { r[First(1)]++; r[First(1)+1]++ }, 0, 0, ""},
		{"as many again as both hops explain", func(r Received) { r[First(1)] += 3 }, 0, 1, ""},
		{"as many missing as were dropped", func(r Received) { delete(r, First(1)) }, 1, 0, ""},
		{"a span is lost", func(r Received) { delete(r, First(1)+9) }, 0, 0, "1 acknowledged spans did not arrive"},
		{"more are lost than were dropped", func(r Received) { delete(r, First(1)); delete(r, First(2)) }, 1, 0, "2 acknowledged"},
		{"a span from nowhere", func(r Received) { r[First(3)] = 1 }, 0, 0, "nobody sent it"},
		{"too many again", func(r Received) { r[First(1)] += 3 }, 0, 0, "3 spans arrived again"},
	} {
		got := maps.Clone(good)
		c.change(got)
		findings := Compare(sent, got, c.lost, c.twice)
		if c.want == "" && len(findings) > 0 || c.want != "" && (len(findings) != 1 || !strings.Contains(findings[0], c.want)) {
			t.Errorf("%s: findings %q, want %q", c.name, findings, c.want)
		}
	}
}
