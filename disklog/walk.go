package disklog

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
)

// A walker goes from record to record of one segment. It trusts nothing but
// checksums: behind damage it looks for the next header byte by byte, and the
// segment's salt in a header's checksum keeps bytes that a sender has chosen
// from passing as one.
type walker struct {
	file File
	salt uint32
	off  int64 // of the record that comes next
	size int64 // of the segment, in bytes: nothing behind it is looked at

	head       [recordHeaderBytes]byte
	unreadable bool // something that resync had to pass over
}

// walk opens a segment to go through it once; its caller closes the file.
func (l *Log) walk(s *segment) (*walker, error) {
	f, err := l.fs.OpenFile(l.path(s.name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return &walker{file: f, salt: s.salt, off: segmentHeaderBytes, size: s.size}, nil
}

// trouble is what a walker came upon.
type trouble struct {
	kind Kind
	off  int64
	err  error
}

// unknownWeight stands for a point's weight that nobody has written down.
const unknownWeight = math.MaxUint64

// seek goes to the first record from `from` on, and leaves off at it. Records
// before it, which an overlapping segment may have, are passed over; so are
// those from `to` on: found is false if none is left. It reports the first
// trouble that it came upon, whether it found a record or not.
func (w *walker) seek(from, to point) (h recordHeader, found bool, bad *trouble) {
	note := func(t *trouble) {
		if bad == nil {
			bad = t
		}
	}
	for w.off < w.size {
		t := w.header(&h)
		if t == nil && !h.fits(from, to) {
			t = &trouble{Damaged, w.off, errImplausible}
		}
		switch {
		case t != nil:
			note(t)
			if !w.resync() {
				return h, false, bad
			}
		case h.at.seq >= to.seq:
			return h, false, bad
		case h.at.seq >= from.seq:
			return h, true, bad
		default:
			w.off += h.bytes()
		}
	}
	return h, false, bad
}

var (
	errImplausible = errors.New("a header that does not follow from those before it")
	errChecksum    = errors.New("checksum does not match")
	errShort       = errors.New("the file ends within a record")
)

// fits reports whether h can stand between two points.
func (h *recordHeader) fits(from, to point) bool {
	switch {
	case h.at.seq < from.seq || h.at.seq >= to.seq:
		return true // it is passed over
	case h.at.seq == from.seq && h.at.weight != from.weight, h.at.weight < from.weight:
		return false
	default:
		return to.weight == unknownWeight || h.at.weight+h.weight <= to.weight
	}
}

// header reads what is at off.
func (w *walker) header(h *recordHeader) *trouble {
	if w.size-w.off < recordHeaderBytes {
		return &trouble{Torn, w.off, errShort}
	}
	if _, err := w.file.ReadAt(w.head[:], w.off); err != nil {
		return readTrouble(w.off, err)
	}
	if !h.decode(w.head[:], w.salt) {
		return &trouble{Damaged, w.off, errChecksum}
	}
	return nil
}

// data reads the data of the record at off, whose header is h, into b.
func (w *walker) data(h *recordHeader, b []byte) *trouble {
	if _, err := w.file.ReadAt(b, w.off+recordHeaderBytes); err != nil {
		return readTrouble(w.off, err)
	}
	if checksum(b) != h.sum {
		return &trouble{Damaged, w.off, errChecksum}
	}
	return nil
}

// whole reports whether all of a record is in the segment.
func (w *walker) whole(h *recordHeader) bool { return h.bytes() <= w.size-w.off }

// readTrouble tells a file that ends from one that can't be read.
func readTrouble(off int64, err error) *trouble {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &trouble{Torn, off, errShort}
	}
	return &trouble{Device, off, err}
}

const (
	// resyncBytes is how much is searched at once for a header.
	resyncBytes = 16 << 10
	// maxUnreadable is how many pieces that can't be read a search passes over;
	// a dying disk may take half a minute for each.
	maxUnreadable = 8
)

// resync moves off to the next header behind it, and reports whether there is one.
func (w *walker) resync() bool {
	w.off++
	unreadable := 0
	b := make([]byte, resyncBytes)
	for w.size-w.off >= recordHeaderBytes {
		n := min(int64(len(b)), w.size-w.off)
		if _, err := w.file.ReadAt(b[:n], w.off); err != nil {
			w.unreadable = true
			if unreadable++; unreadable > maxUnreadable {
				break
			}
			w.off += n
			continue
		}
		var h recordHeader
		for i := 0; ; i++ {
			next := bytes.Index(b[i:n], []byte(recordMagic))
			if next < 0 {
				break
			}
			if i += next; i+recordHeaderBytes > int(n) {
				break
			}
			if h.decode(b[i:n], w.salt) {
				w.off += int64(i)
				return true
			}
		}
		w.off += max(n-recordHeaderBytes+1, 1)
	}
	w.off = w.size
	return false
}
