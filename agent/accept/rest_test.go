package accept

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRest(t *testing.T) {
	for _, c := range []struct {
		buffer int
		want   time.Duration
	}{
		{0, 0},
		{212992, 0},
		{1 << 20, shortRest},
		{4 << 20, longRest},
		{64 << 20, longRest},
	} {
		if got := newRest(c.buffer).pause; got != c.want {
			t.Errorf("with a buffer of %d bytes: %v, want %v", c.buffer, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRest(longRestBuffer)
		took := func(n int) time.Duration {
			start := time.Now()
			r.after(n)
			return time.Since(start)
		}
		if got := took(readAtOnce - 1); got != 0 {
			t.Errorf("a first packet rests for %v", got)
		}
		time.Sleep(5 * time.Millisecond)
		if got := took(readAtOnce - 1); got != longRest {
			t.Errorf("a second packet rests for %v", got)
		}
		if got := took(readAtOnce); got != 0 {
			t.Errorf("with more in the socket it rests for %v", got)
		}
		time.Sleep(time.Second)
		if got := took(readAtOnce - 1); got != 0 {
			t.Errorf("a packet after a second of silence rests for %v", got)
		}
	})
}
