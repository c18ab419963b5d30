package otlp

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Keys finds keys that come twice in a list (jaeger-client-go sends such:
// each SetTag adds one) and takes out all but the last. What is usual must cost
// next to nothing: ten keys, no two alike. What is possible must not cost more
// than the bytes that it takes to send: ten thousand keys, all alike in what a
// quick signature looks at. It has memory that it uses again. The zero value is
// ready.
type Keys struct {
	list []attribute
	seen uint64 // a bit for each signature in list
	dead bool   // some in list are to be taken out

	seed  maphash.Seed
	table []int32 // for long lists: by hash of key, 1 + index into list
}

// attribute is one that was written.
type attribute struct {
	signature uint32
	start     int32 // offset in the builder
	dead      bool
}

// fewAttributes is up to how many keys are compared one by one.
const fewAttributes = 32

// Begin is called before the first attribute of a list.
func (a *Keys) Begin() {
	a.list, a.seen, a.dead = a.list[:0], 0, false
}

// Add is called before an attribute is written.
func (a *Keys) Add(b *Builder, key []byte) {
	s := signature(key)
	bit := uint64(1) << (s >> 26)
	if a.seen&bit != 0 && len(a.list) < fewAttributes {
		a.compare(b, s, key)
	}
	a.seen |= bit
	a.list = append(a.list, attribute{signature: s, start: int32(b.Len())})
}

// compare marks an earlier attribute of the same key.
func (a *Keys) compare(b *Builder, s uint32, key []byte) {
	for i := range a.list {
		e := &a.list[i]
		if e.signature == s && !e.dead && bytes.Equal(keyAt(b, e.start), key) {
			e.dead, a.dead = true, true
			return
		}
	}
}

// End takes out the attributes that have been overruled. Nothing but attributes
// must have been written since Begin.
func (a *Keys) End(b *Builder) {
	if len(a.list) > fewAttributes {
		a.compareAll(b)
	}
	if !a.dead {
		return
	}
	buf := b.Bytes()
	to := int(a.list[0].start)
	for i, e := range a.list {
		if e.dead {
			continue
		}
		until := len(buf)
		if i+1 < len(a.list) {
			until = int(a.list[i+1].start)
		}
		to += copy(buf[to:], buf[e.start:until])
	}
	b.Truncate(to)
}

// compareAll marks what is overruled in a long list, by a hash that senders
// can't foresee.
func (a *Keys) compareAll(b *Builder) {
	if a.table == nil {
		a.seed = maphash.MakeSeed()
	}
	size := 1 << bits.Len(uint(2*len(a.list)))
	if cap(a.table) < size {
		a.table = make([]int32, size)
	}
	a.table = a.table[:size]
	clear(a.table)
	for i := range a.list {
		key := keyAt(b, a.list[i].start)
		at := maphash.Bytes(a.seed, key)
		for ; ; at++ {
			slot := &a.table[at&uint64(size-1)]
			if *slot == 0 {
				*slot = int32(i + 1)
				break
			}
			if before := &a.list[*slot-1]; bytes.Equal(keyAt(b, before.start), key) {
				before.dead, a.dead = true, true
				*slot = int32(i + 1)
				break
			}
		}
	}
}

// Shrink gives back the memory that a list of more than max has needed.
func (a *Keys) Shrink(max int) {
	if cap(a.list) > max {
		a.list, a.table = nil, nil
	}
}

// Cap is the memory that is kept, in bytes.
func (a *Keys) Cap() int { return 12*cap(a.list) + 4*cap(a.table) }

// keyAt is the key of an attribute that was written at an offset: after the
// field's tag and length, the first field is the key.
func keyAt(b *Builder, offset int32) []byte {
	p := b.Bytes()[offset+1:]
	_, n := binary.Uvarint(p)
	p = p[n+1:]
	length, n := binary.Uvarint(p)
	return p[n:][:length]
}

// signature tells most keys apart by their first and last bytes and length.
func signature(key []byte) uint32 {
	n := len(key)
	v := uint64(n) << 56
	switch {
	case n >= 8:
		v ^= binary.LittleEndian.Uint64(key) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(key[n-8:]), 23)
	case n >= 4:
		v ^= uint64(binary.LittleEndian.Uint32(key)) | uint64(binary.LittleEndian.Uint32(key[n-4:]))<<24
	case n > 0:
		v ^= uint64(key[0]) | uint64(key[n/2])<<8 | uint64(key[n-1])<<16
	}
	return uint32(v * 0x9e3779b97f4a7c15 >> 32) // 2^64 / golden ratio
}
