package zstd

import "math/bits"

// backward is a stream of bits that is read from its end (section 4.1).
type backward struct {
	data []byte
	left int // bits; less than 0 after a read beyond the beginning
}

// newBackward finds the highest bit that is set, which ends the stream.
func newBackward(data []byte) (backward, error) {
	if len(data) == 0 || data[len(data)-1] == 0 {
		return backward{}, ErrMalformed
	}
	return backward{data, 8*len(data) - 1 - bits.LeadingZeros8(data[len(data)-1])}, nil
}

// peek is the next n bits. What is missing is 0.
func (b *backward) peek(n int) (v int) {
	for i := b.left - 1; i >= b.left-n; i-- {
		v <<= 1
		if i >= 0 {
			v |= int(b.data[i>>3] >> (i & 7) & 1)
		}
	}
	return v
}

func (b *backward) read(n int) int {
	v := b.peek(n)
	b.left -= n
	return v
}

// forward is a stream of bits that is read from its beginning.
type forward struct {
	data []byte
	at   int // in bits
}

// peek is the next n bits. What is missing is 0.
func (f *forward) peek(n int) (v int) {
	for i := n - 1; i >= 0; i-- {
		v <<= 1
		if at := f.at + i; at < 8*len(f.data) {
			v |= int(f.data[at>>3] >> (at & 7) & 1)
		}
	}
	return v
}

func (f *forward) read(n int) int {
	v := f.peek(n)
	f.at += n
	return v
}
