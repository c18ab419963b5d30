package h2

import "time"

// What a peer may send of frames that cost work and bring nothing. Each has a
// bucket, which fills again with time, and, for those frames that clients send
// along with calls, with calls that were answered.
const (
	// Streams that a peer resets, or makes us reset (CVE-2023-44487,
	// CVE-2025-8671). Values are nghttp2's (NGHTTP2_DEFAULT_STREAM_RESET_BURST and
	// _RATE), the rate is a second.
	resetBurst, resetRate = 1000, 33
	// PING, SETTINGS, WINDOW_UPDATE, PRIORITY, frames of unknown types, and DATA
	// that is nearly empty (CVE-2019-9512, 9515, 9517, 9518): ten times as many,
	// for each costs a tenth of a call.
	noiseBurst, noiseRate = 10_000, 330
	// noisePerCall is how many come with a call of the busiest clients: grpc-go
	// sends a PING and two WINDOW_UPDATEs.
	noisePerCall = 8
	// tinyData is in bytes: DATA with less than that is noise, unless it ends
	// its stream. Some clients send the five bytes before a message alone.
	tinyData = 32
)

// bucket is how much of something is left.
type bucket struct {
	left, burst, rate float64
	filled            time.Time
}

func newBucket(burst, rate float64, now time.Time) bucket {
	return bucket{left: burst, burst: burst, rate: rate, filled: now}
}

// take takes one; false: there is none left.
func (b *bucket) take(now time.Time) bool {
	if b.left < 1 {
		b.left = min(b.burst, b.left+b.rate*now.Sub(b.filled).Seconds())
		b.filled = now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// add gives some back.
func (b *bucket) add(n float64) { b.left = min(b.burst, b.left+n) }
