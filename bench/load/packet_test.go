package load

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// varint reads what the Thrift compact protocol calls a zig-zag varint, with
// encoding/binary, which is not how ids are put there.
func varint(t *testing.T, b []byte) (v int64, size int) {
	t.Helper()
	v, size = binary.Varint(b)
	if size <= 0 {
		t.Fatalf("no varint in % x", b[:10])
	}
	return v, size
}

func TestIDsArePutWhereAReaderFindsThem(t *testing.T) {
	p := packets(time.Now())[3]
	rng := rand.NewPCG(1, 2)
	before := bytes.Clone(p.bytes)
	for range 3 {
		seq := int64(p.seq)
		want := p.renew(rng)
		var sum uint64
		seen := map[int64]bool{}
		for i, at := range p.spans {
			id, size := varint(t, p.bytes[at.id:])
			parent, _ := varint(t, p.bytes[at.parent:])
			low, _ := varint(t, p.bytes[at.traceLow:])
			first, _ := varint(t, p.bytes[p.spans[i/spansPerTrace*spansPerTrace].traceLow:])
			root, _ := varint(t, p.bytes[p.spans[i/spansPerTrace*spansPerTrace].id:])
			if size != 10 || id == 0 || seen[id] {
				t.Errorf("span %d: id %x of %d bytes", i, id, size)
			}
			if low != first || (i%spansPerTrace != 0) != (parent == root) {
				t.Errorf("span %d is not in the trace of its first span", i)
			}
			seen[id] = true
			sum += uint64(id)
		}
		if sum != want {
			t.Errorf("ids sum up to %x, renew says %x", sum, want)
		}
		if got, size := varint(t, p.bytes[p.seqNo:]); got != seq || size != 4 {
			t.Errorf("seqNo %d of %d bytes, want %d", got, size, seq)
		}
	}
	if len(p.bytes) != len(before) || bytes.Equal(p.bytes, before) {
		t.Error("renewing changes no byte, or how many there are")
	}
}
