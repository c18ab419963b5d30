package disklog_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

// openAny opens a directory with anything in it. It opens, unless a file is of a
// newer version; what it says that it has is read or lost; and it can be used.
func openAny(t *testing.T, fsys *faultfs.FS) {
	l, rec, err := disklog.Open("/log", disklog.Options{FS: fsys, SegmentBytes: 400})
	if errors.Is(err, disklog.ErrNewer) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var records, weight uint64
	last := int64(-1)
	for {
		r, err := l.Next(nil)
		var lost *disklog.Lost
		switch {
		case errors.Is(err, io.EOF):
		case errors.As(err, &lost):
			records += lost.Records
			weight += lost.Weight
			continue
		case err != nil:
			t.Fatal(err)
		default:
			if int64(r.Seq) <= last {
				t.Fatalf("%d after %d", r.Seq, last)
			}
			last = int64(r.Seq)
			records++
			weight += r.Weight
			continue
		}
		break
	}
	if records != rec.Records || weight != rec.Weight {
		t.Fatalf("recovered %d records of %d; read and lost were %d of %d", rec.Records, rec.Weight, records, weight)
	}
	s := l.Stats()
	if int64(s.NextSeq) <= last {
		t.Fatalf("read %d, and %d comes next", last, s.NextSeq)
	}
	if first, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{[]byte("x")}}); err == nil {
		if r, err := l.Next(nil); err != nil || r.Seq != first || string(r.Data) != "x" {
			t.Fatalf("%+v %v", r, err)
		}
		l.Ack(0, first)
		if s := l.Stats(); s.Records != 0 || s.Weight != 0 {
			t.Fatalf("%+v", s)
		}
	} else if !errors.Is(err, disklog.ErrTooLarge) { // a number or weight at the end of its range
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := fsys.Opened(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
}

// FuzzSegment takes anything for one of three segments, the first, one in
// between or the last. Its checksums are made right, if mend says so: else
// nothing but damage would be tried.
func FuzzSegment(f *testing.F) {
	made := makeForFuzz(f)
	names := slices.Sorted(maps.Keys(made))
	for i, name := range names[:len(names)-1] {
		f.Add(uint8(i), true, true, made[name])
		f.Add(uint8(i), false, false, made[name][:len(made[name])/2])
	}
	f.Add(uint8(1), true, true, []byte(strings.Repeat("\xd1\x5c\x10\x66", 40)))
	f.Fuzz(func(t *testing.T, which uint8, mend, position bool, b []byte) {
		name := names[int(which)%(len(names)-1)]
		if b = slices.Clone(b); mend {
			mendSums(b, name)
		}
		files := files(made).with(name, b)
		if !position {
			files = files.with("position", nil)
		}
		openAny(t, files.fs(t))
	})
}

// FuzzPosition takes anything for a position.
func FuzzPosition(f *testing.F) {
	made := makeForFuzz(f)
	f.Add(false, made["position"][:64], made["position"][4096:])
	f.Add(true, made["position"][:64], made["position"][4096:])
	f.Add(true, []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, mend bool, a, b []byte) {
		var slots [2][64]byte
		copy(slots[0][:], a)
		copy(slots[1][:], b)
		for i := range slots {
			if s := slots[i][:]; mend {
				copy(s, "WAYPOS\r\n\x01\x00\x00\x00")
				binary.LittleEndian.PutUint32(s[60:], castagnoli(0, s[:60]))
			}
		}
		p := append(slots[0][:], make([]byte, 4096-64)...)
		openAny(t, files(made).with("position", append(p, slots[1][:]...)).fs(t))
	})
}

func castagnoli(seed uint32, b []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), b)
}

// mendSums makes the checksums in a segment right, as far as its lengths lead
// from record to record.
func mendSums(b []byte, name string) {
	if len(b) < segmentHead {
		return
	}
	copy(b, "WAYSEG\r\n\x01\x00\x00\x00")
	var salt uint32
	for _, c := range []byte(name[17:25]) {
		salt = salt<<4 | uint32(strings.IndexByte("0123456789abcdef", c))
	}
	binary.LittleEndian.PutUint32(b[12:], salt)
	for i := range 8 { // the number in the name
		b[16+i] = 0
	}
	for _, c := range []byte(name[:16]) {
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])<<4|uint64(strings.IndexByte("0123456789abcdef", c)))
	}
	binary.LittleEndian.PutUint32(b[44:], castagnoli(0, b[:44]))
	for b = b[segmentHead:]; len(b) >= recordHead; {
		copy(b, "\xd1\x5c\x10\x66")
		n := min(uint64(binary.LittleEndian.Uint32(b[4:])), uint64(len(b)-recordHead))
		binary.LittleEndian.PutUint32(b[40:], castagnoli(0, b[recordHead:][:n]))
		binary.LittleEndian.PutUint32(b[44:], castagnoli(salt, b[:44]))
		b = b[recordHead:][n:]
	}
}

func makeForFuzz(f *testing.F) map[string][]byte {
	f.Helper()
	made, _ := makeLog(f)
	return made
}
