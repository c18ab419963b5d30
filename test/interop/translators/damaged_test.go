package translators

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/fields"
	"github.com/wayside-tracing/wayside/wire/jaegerthrift"
)

// Of a datagram with a few damaged bytes, whatever the agent takes and Apache's Thrift too means the same to both. The agent
// may refuse what Thrift lets through (a reply, a list of other things than structs, a number
// wider than its type), but takes nothing that Thrift refuses, but for one thing that does no harm.
func TestDamagedDatagrams(t *testing.T) {
	const datagrams = 5_000
	var same, strict int
	for seed := range uint64(datagrams) {
		datagram := damage(newGenerator(seed), randomForm(seed).datagram(newGenerator(seed).batch()))
		var transcoder jaegerthrift.Transcoder
		_, ourErr := transcoder.Packet(slices.Clone(datagram))
		b, theirErr := readDatagram(datagram)
		if theirErr == nil && b == nil {
			theirErr = errors.New("no batch") // on which Jaeger's agent panics
		}
		switch {
		case ourErr == nil && theirErr == nil:
			same++
			want, _ := theirs(t, datagram, "")
			if lines := fields.Diff(want, ours(t, datagram)); len(lines) > 0 {
				t.Fatalf("seed %d: %x: %q", seed, datagram, lines)
			}
		case ourErr == nil:
			// An empty list in the compact encoding may name any type for what it does not hold.
			if !strings.Contains(theirErr.Error(), "error reading list begin: don't know what type") {
				t.Fatalf("seed %d: the agent takes %x, Apache's Thrift does not: %v", seed, datagram, theirErr)
			}
		default:
			if !errors.Is(ourErr, jaegerthrift.ErrMalformed) && !errors.Is(ourErr, jaegerthrift.ErrZipkin) {
				t.Fatalf("seed %d: %x: an error of another kind: %v", seed, datagram, ourErr)
			}
			if theirErr == nil {
				strict++
			}
		}
	}
	if same < datagrams/10 {
		t.Errorf("only %d of %d datagrams were read by both: that is no comparison", same, datagrams)
	}
	t.Logf("both read %d the same, both refused %d; the agent alone refused %d", same, datagrams-same-strict, strict)
}

// damage changes one to three bytes, or cuts the end off.
func damage(g generator, datagram []byte) []byte {
	for range 1 + g.IntN(3) {
		switch at := g.IntN(len(datagram)); g.IntN(3) {
		case 0:
			datagram[at] ^= 1 << g.IntN(8)
		case 1:
			datagram[at] = byte(g.IntN(256))
		default:
			datagram = datagram[:at+1]
		}
	}
	return datagram
}
