package zstd

// lengths says what codes of lengths mean (section 3.1.1.3.2.1.1): those up to
// the first of bits mean themselves and more, and each of the others a base and
// so many bits that are read.
type lengths struct {
	least int
	plain int // codes without bits
	bits  []uint8
}

var (
	literalLengths = lengths{0, 16, []uint8{1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}
	matchLengths   = lengths{3, 32, []uint8{1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}
)

func (l *lengths) of(code int, b *backward) int {
	if code < l.plain {
		return l.least + code
	}
	base := l.least + l.plain
	for _, n := range l.bits[:code-l.plain] {
		base += 1 << n
	}
	return base + b.read(int(l.bits[code-l.plain]))
}

// How frequent the codes are where a block does not say it (section 3.1.1.3.2.2).
var (
	usualLiteralLengths = [...]int{
		4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2,
		2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
	}
	usualMatchLengths = [...]int{
		1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
	}
	usualOffsets = [...]int{
		1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
	}
)
