package buffer

// maxSpare bounds the empty chunks that a lane keeps for use again, in bytes:
// those of two batches, so that a steady flow allocates nothing.
const maxSpare = 1 << 20

// spare are empty chunks that are kept for use again. Their memory is the
// lane's, too: they take of it what nothing else does.
type spare struct {
	list  []*chunk // what was put last is the last
	bytes int      // of memory
}

// put keeps a chunk, unless nobody will ask for one of its size.
func (s *spare) put(c *chunk) {
	if c.size() != chunkSize(c.size()) {
		return
	}
	s.list = append(s.list, c)
	s.bytes += c.size()
}

// take returns a chunk of a size, or nil.
func (s *spare) take(size int) *chunk {
	for i := len(s.list) - 1; i >= 0; i-- {
		if s.list[i].size() == size {
			return s.remove(i)
		}
	}
	return nil
}

// trim gives up what was not used for longest until the rest takes no more than
// room, in bytes, and no more than maxSpare.
func (s *spare) trim(room int) {
	for len(s.list) > 0 && s.bytes > min(room, maxSpare) {
		s.remove(0)
	}
}

func (s *spare) remove(i int) *chunk {
	c := s.list[i]
	n := copy(s.list[i:], s.list[i+1:])
	s.list[i+n] = nil
	s.list = s.list[:i+n]
	s.bytes -= c.size()
	return c
}
