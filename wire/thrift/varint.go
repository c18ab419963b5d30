package thrift

import (
	"encoding/binary"
	"math/bits"
)

const tooLarge = "a number of more than 64 bits"

// uvarint reads the varint that compact numbers are made of: seven bits a byte,
// the lowest first, the eighth bit set in all bytes but the last. It has ten
// bytes at most.
func (r *Reader) uvarint() uint64 {
	if r.i < len(r.p) && r.p[r.i] < 0x80 {
		v := uint64(r.p[r.i])
		r.i++
		return v
	}
	if len(r.p)-r.i >= binary.MaxVarintLen64 {
		return r.longUvarint((*[binary.MaxVarintLen64]byte)(r.p[r.i:]))
	}
	v, n := binary.Uvarint(r.p[r.i:])
	if n <= 0 {
		if n == 0 {
			r.Fail(endsEarly)
		} else {
			r.Fail(tooLarge)
		}
		return 0
	}
	r.i += n
	return v
}

// longUvarint reads a varint out of ten bytes, without a branch for each: ids
// are random, so nearly all of them have nine or ten bytes, and a span has four.
func (r *Reader) longUvarint(p *[binary.MaxVarintLen64]byte) uint64 {
	const eighths = 0x8080808080808080
	v := binary.LittleEndian.Uint64(p[:])
	if last := ^v & eighths; last != 0 {
		v &= last ^ (last - 1) // no bits after the last byte
		r.i += bits.TrailingZeros64(last)/8 + 1
		return pack(v)
	}
	// Eight bytes make 56 bits; the ninth makes seven, the tenth the one left.
	ninth, tenth := uint64(p[8]), uint64(p[9])
	more := ninth >> 7
	tenth *= more
	if tenth > 1 {
		r.Fail(tooLarge)
		return 0
	}
	r.i += 9 + int(more)
	return pack(v) | ninth&0x7f<<56 | tenth<<63
}

// pack puts the low seven bits of eight bytes side by side: pairs of seven bits,
// then of 14, then of 28.
func pack(v uint64) uint64 {
	v = v&0x007f007f007f007f | v&0x7f007f007f007f00>>1
	v = v&0x00003fff00003fff | v&0x3fff00003fff0000>>2
	return v&0x000000000fffffff | v&0x0fffffff00000000>>4
}
