package zstd

import "math/bits"

// readLiterals reads a block's literals (section 3.1.1.3.1).
func (d *decoder) readLiterals(in *input) error {
	if in.bad() || len(in.bytes) == 0 {
		return ErrMalformed
	}
	first := int(in.bytes[0])
	kind, format := first&3, first>>2&3
	if kind < 2 {
		length := [4]int{1, 2, 1, 3}[format]
		size := in.number(length) >> [4]int{3, 4, 3, 4}[format]
		if size > maxBlock {
			return ErrMalformed
		}
		if kind == 0 {
			d.literals = in.take(size)
			return in.err()
		}
		value := byte(in.number(1))
		d.literals = make([]byte, size)
		for i := range d.literals {
			d.literals[i] = value
		}
		return in.err()
	}
	length, width := [4]int{3, 3, 4, 5}[format], [4]int{10, 10, 14, 18}[format]
	header := in.number(length) >> 4
	size, packed := header&(1<<width-1), header>>width
	data := in.take(packed)
	if in.bad() || size > maxBlock {
		return ErrMalformed
	}
	rest := &input{data}
	if kind == 2 {
		var err error
		if d.huffman, err = readHuffman(rest); err != nil {
			return err
		}
	}
	if d.huffman == nil {
		return ErrMalformed
	}
	d.literals = make([]byte, 0, size)
	if format == 0 {
		return d.stream(rest.bytes, size)
	}
	each := (size + 3) / 4
	lengths := [3]int{rest.number(2), rest.number(2), rest.number(2)}
	for _, n := range lengths {
		if err := d.stream(rest.take(n), each); err != nil {
			return err
		}
	}
	return d.stream(rest.bytes, size-3*each)
}

// stream reads n literals.
func (d *decoder) stream(data []byte, n int) error {
	b, err := newBackward(data)
	if err != nil || n < 0 {
		return ErrMalformed
	}
	for range n {
		e := d.huffman.entries[b.peek(d.huffman.bits)]
		b.left -= int(e.bits)
		d.literals = append(d.literals, e.symbol)
	}
	if b.left != 0 {
		return ErrMalformed
	}
	return nil
}

// maxHuffman is the longest code, in bits (section 4.2.1).
const maxHuffman = 11

// huffman finds a symbol and the length of its code by the next bits.
type huffman struct {
	bits    int
	entries []struct{ symbol, bits uint8 }
}

// readHuffman reads a tree, which stands there as weights of symbols: one less
// than the longest code's is shorter by a bit for each (section 4.2.1).
func readHuffman(in *input) (*huffman, error) {
	weights, err := readWeights(in)
	if err != nil {
		return nil, err
	}
	sum := 0
	for _, w := range weights {
		if w > maxHuffman {
			return nil, ErrMalformed
		}
		sum += 1 << w >> 1
	}
	h := &huffman{bits: bits.Len(uint(sum))}
	rest := 1<<h.bits - sum // is the last symbol's
	if sum == 0 || h.bits > maxHuffman || rest&(rest-1) != 0 || len(weights) > 255 {
		return nil, ErrMalformed
	}
	weights = append(weights, uint8(bits.Len(uint(rest))))
	for w := 1; w <= h.bits; w++ {
		for symbol, is := range weights {
			if int(is) != w {
				continue
			}
			for range 1 << w >> 1 {
				h.entries = append(h.entries, struct{ symbol, bits uint8 }{uint8(symbol), uint8(h.bits + 1 - w)})
			}
		}
	}
	return h, nil
}

func readWeights(in *input) (weights []uint8, err error) {
	n := in.number(1)
	if n >= 128 {
		n -= 127
		for i, b := range in.take((n + 1) / 2) {
			weights = append(weights, b>>4)
			if 2*i+1 < n {
				weights = append(weights, b&15)
			}
		}
		return weights, in.err()
	}
	packed := &input{in.take(n)}
	if in.bad() {
		return nil, ErrMalformed
	}
	t, err := readFSE(packed, 255, 6)
	if err != nil {
		return nil, err
	}
	b, err := newBackward(packed.bytes)
	if err != nil {
		return nil, err
	}
	// Two states take turns. When the bits are at their end, the other one has
	// the last word.
	now, other := b.read(t.log), b.read(t.log)
	for b.left >= 0 && len(weights) < 255 {
		weights = append(weights, t.states[now].symbol)
		if b.left < t.states[now].bits {
			return append(weights, t.states[other].symbol), nil
		}
		now, other = other, t.next(now, &b)
	}
	return nil, ErrMalformed
}
