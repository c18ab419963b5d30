package zstd

import "math/bits"

// fse is a table of states of finite state entropy (section 4.1).
type fse struct {
	log    int // of the number of states
	states []state
}

type state struct {
	symbol uint8
	bits   int // to be read for the next state, and
	base   int // to be added to them
}

// readFSE reads a table of symbols up to highest (section 4.1.1).
func readFSE(in *input, highest, maxLog int) (*fse, error) {
	f := forward{data: in.bytes}
	log := f.read(4) + 5
	if log > maxLog {
		return nil, ErrMalformed
	}
	var counts []int
	left := 1 << log
	for left > 0 {
		// A count is one of 0 to left+1, and one less is meant; the lower ones
		// take one bit less.
		n := bits.Len(uint(left + 1))
		short := 1<<n - 2 - left
		count := f.peek(n - 1)
		if count < short {
			f.at += n - 1
		} else if count = f.read(n); count >= 1<<(n-1) {
			count -= short
		}
		count--
		counts = append(counts, count)
		left -= max(count, -count)
		for more := 3; count == 0 && more == 3 && len(counts) <= highest; {
			more = f.read(2)
			counts = append(counts, make([]int, more)...)
		}
		if len(counts) > highest+1 || left < 0 || f.at > 8*len(f.data) {
			return nil, ErrMalformed
		}
	}
	in.take((f.at + 7) / 8)
	return newFSE(counts, log)
}

// newFSE makes the table of symbols that are so frequent; -1 is less than 1.
func newFSE(counts []int, log int) (*fse, error) {
	size := 1 << log
	t := &fse{log, make([]state, size)}
	next := make([]int, len(counts))
	high := size
	for symbol, n := range counts {
		next[symbol] = n
		if n == -1 {
			high--
			t.states[high].symbol, next[symbol] = uint8(symbol), 1
		}
	}
	at := 0
	for symbol, n := range counts {
		for range max(n, 0) {
			t.states[at].symbol = uint8(symbol)
			for at = t.step(at); at >= high && high > 0; {
				at = t.step(at)
			}
		}
	}
	if at != 0 {
		return nil, ErrMalformed
	}
	for i := range t.states {
		s := &t.states[i]
		n := next[s.symbol]
		next[s.symbol]++
		s.bits = log + 1 - bits.Len(uint(n))
		s.base = n<<s.bits - size
	}
	return t, nil
}

func (t *fse) step(at int) int {
	size := len(t.states)
	return (at + size>>1 + size>>3 + 3) & (size - 1)
}

// one is a table of one symbol, for which nothing is read.
func one(symbol uint8) *fse { return &fse{0, []state{{symbol: symbol}}} }

// next goes from one state to the next.
func (t *fse) next(s int, b *backward) int { return t.states[s].base + b.read(t.states[s].bits) }
