package zstd

import (
	"encoding/binary"
	"errors"
)

// Errors of Decode.
var (
	ErrMalformed = errors.New("malformed zstd")
	ErrTooLarge  = errors.New("zstd that unpacks to more than is wanted")
)

const (
	magic     = 0xFD2FB528
	skippable = 0x184D2A50 // and the next 15 (section 3.1.2)
	// maxBlock bounds what a block unpacks to, in bytes (section 3.1.1.2.3).
	maxBlock = 128 << 10
)

// Decode unpacks frames that stand end to end, of up to limit bytes unpacked.
func Decode(packed []byte, limit int) ([]byte, error) {
	var out []byte
	for rest := packed; len(rest) > 0; {
		d := decoder{in: input{rest}, out: out, start: len(out), limit: limit}
		if err := d.frame(); err != nil {
			return nil, err
		}
		rest, out = d.in.bytes, d.out
	}
	return out, nil
}

// decoder is of one frame. What it keeps from block to block is nil, or empty,
// until a block has brought it.
type decoder struct {
	in       input
	out      []byte
	start    int // of the frame in out
	limit    int // of out, in bytes
	huffman  *huffman
	codes    [3]*fse // of literal lengths, offsets and match lengths
	last     [3]int  // offsets
	literals []byte  // of the block
}

// frame unpacks a frame (section 3.1.1).
func (d *decoder) frame() error {
	switch m := d.in.number(4); {
	case m&^0xf == skippable:
		d.in.take(d.in.number(4))
		return d.in.err()
	case m != magic:
		return ErrMalformed
	}
	about := d.in.number(1)
	single := about>>5&1 == 1
	if about&3 != 0 || about>>3&1 != 0 {
		return ErrMalformed // a dictionary, or what is reserved
	}
	if !single {
		d.in.take(1) // the window: all is kept
	}
	sizes := [4]int{0, 2, 4, 8} // of the frame's size
	if size := sizes[about>>6]; size > 0 || !single {
		d.in.take(size)
	} else {
		d.in.take(1)
	}
	d.last = [3]int{1, 4, 8}
	for end := false; !end; {
		var err error
		if end, err = d.block(); err != nil {
			return err
		}
	}
	if about>>2&1 == 1 {
		d.in.take(4)
	}
	return d.in.err()
}

// block unpacks a block, and says whether it is the frame's last (section 3.1.1.2).
func (d *decoder) block() (last bool, err error) {
	header := d.in.number(3)
	last = header&1 == 1
	size := header >> 3
	if size > maxBlock || d.in.bad() {
		return false, ErrMalformed
	}
	switch header >> 1 & 3 {
	case 0: // as it is
		err = d.write(d.in.take(size))
	case 1: // one byte again and again
		one := d.in.take(1)
		for range size {
			if err == nil {
				err = d.write(one)
			}
		}
	case 2:
		content := d.in.take(size)
		if d.in.bad() {
			return false, ErrMalformed
		}
		err = d.compressed(&input{content})
	default:
		err = ErrMalformed
	}
	if err == nil {
		err = d.in.err()
	}
	return last, err
}

func (d *decoder) write(p []byte) error {
	if len(d.out)+len(p) > d.limit {
		return ErrTooLarge
	}
	d.out = append(d.out, p...)
	return nil
}

// input is what is read from its beginning. It is nil after a read beyond its
// end, and what is read then is 0.
type input struct{ bytes []byte }

func (i *input) take(n int) []byte {
	if i.bad() || n > len(i.bytes) {
		i.bytes = nil
		return nil
	}
	p := i.bytes[:n:n]
	i.bytes = i.bytes[n:]
	return p
}

// number is n bytes, little-endian.
func (i *input) number(n int) int {
	var b [8]byte
	copy(b[:], i.take(n))
	return int(binary.LittleEndian.Uint64(b[:]))
}

func (i *input) bad() bool { return i.bytes == nil }

func (i *input) err() error {
	if i.bad() {
		return ErrMalformed
	}
	return nil
}
