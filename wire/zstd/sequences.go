package zstd

// compressed unpacks a block: literals, and sequences of some of them and a
// piece that was there before (section 3.1.1.3).
func (d *decoder) compressed(in *input) error {
	if err := d.readLiterals(in); err != nil {
		return err
	}
	n := in.number(1)
	switch {
	case n == 255:
		n = in.number(2) + 0x7f00
	case n >= 128:
		n = (n-128)<<8 + in.number(1)
	}
	if n > 0 {
		if err := d.readCodes(in); err != nil {
			return err
		}
		if err := d.sequences(in, n); err != nil {
			return err
		}
	} else if in.bad() || len(in.bytes) > 0 {
		return ErrMalformed
	}
	return d.write(d.literals)
}

// code says what the codes of one kind mean, and how they may be packed.
type code struct {
	highest, maxLog int
	usual           func() (*fse, error)
}

// Kinds of codes.
const (
	literalLength = iota
	offset
	matchLength
)

// readCodes reads the tables of a block's codes (section 3.1.1.3.2.1).
func (d *decoder) readCodes(in *input) error {
	modes := in.number(1)
	if modes&3 != 0 {
		return ErrMalformed
	}
	for kind, c := range [3]code{
		literalLength: {35, 9, func() (*fse, error) { return newFSE(usualLiteralLengths[:], 6) }},
		offset:        {31, 8, func() (*fse, error) { return newFSE(usualOffsets[:], 5) }},
		matchLength:   {52, 9, func() (*fse, error) { return newFSE(usualMatchLengths[:], 6) }},
	} {
		var err error
		switch modes >> (6 - 2*kind) & 3 {
		case 0:
			d.codes[kind], err = c.usual()
		case 1:
			symbol := in.number(1)
			d.codes[kind] = one(uint8(symbol))
			if symbol > c.highest {
				err = ErrMalformed
			}
		case 2:
			d.codes[kind], err = readFSE(in, c.highest, c.maxLog)
		default: // as in the block before
			if d.codes[kind] == nil {
				err = ErrMalformed
			}
		}
		if err != nil {
			return err
		}
	}
	return in.err()
}

// sequences executes n sequences (sections 3.1.1.3.2.1.2 and 3.1.1.4).
func (d *decoder) sequences(in *input, n int) error {
	b, err := newBackward(in.bytes)
	if err != nil {
		return err
	}
	var states [3]int
	for kind, c := range d.codes {
		states[kind] = b.read(c.log)
	}
	for i := range n {
		symbol := func(kind int) int { return int(d.codes[kind].states[states[kind]].symbol) }
		far := b.read(symbol(offset)) + 1<<symbol(offset)
		m := matchLengths.of(symbol(matchLength), &b)
		l := literalLengths.of(symbol(literalLength), &b)
		if i < n-1 {
			for _, kind := range [...]int{literalLength, matchLength, offset} {
				states[kind] = d.codes[kind].next(states[kind], &b)
			}
		}
		if b.left < 0 || l > len(d.literals) {
			return ErrMalformed
		}
		if err := d.write(d.literals[:l]); err != nil {
			return err
		}
		d.literals = d.literals[l:]
		if err := d.copy(d.offset(far, l), m); err != nil {
			return err
		}
	}
	if b.left != 0 {
		return ErrMalformed
	}
	return nil
}

// offset is what a value of an offset means: the lowest are those that were used
// last (section 3.1.1.5).
func (d *decoder) offset(value, literals int) int {
	which := value - 1
	if literals == 0 {
		which++
	}
	last := &d.last
	switch {
	case value > 3:
		*last = [3]int{value - 3, last[0], last[1]}
	case which == 1:
		last[0], last[1] = last[1], last[0]
	case which == 2:
		*last = [3]int{last[2], last[0], last[1]}
	case which == 3:
		*last = [3]int{last[0] - 1, last[0], last[1]}
	}
	return last[0]
}

// copy repeats n bytes from so far back. They may overlap what they become.
func (d *decoder) copy(back, n int) error {
	from := len(d.out) - back
	if back <= 0 || from < d.start {
		return ErrMalformed
	}
	if len(d.out)+n > d.limit {
		return ErrTooLarge
	}
	for i := range n {
		d.out = append(d.out, d.out[from+i])
	}
	return nil
}
