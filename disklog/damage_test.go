package disklog_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/wayside-tracing/wayside/disklog"
	"github.com/wayside-tracing/wayside/disklog/faultfs"
)

func TestUndamaged(t *testing.T) {
	f, _ := makeLog(t)
	o := openAndRead(t, f.fs(t))
	if !slices.Equal(o.read, all()) || len(o.lost) != 0 || len(o.rec.Damage) != 0 || o.rec.Weight != madeWeight-1 {
		t.Errorf("%+v", o)
	}
}

// A flipped bit costs the record that it is in, and nothing else; one in a
// segment's header or in the position costs nothing.
func TestFlippedBits(t *testing.T) {
	f, where := makeLog(t)
	for name, b := range f {
		for off := range b {
			for _, bit := range []byte{1, 0x80} {
				flipped := slices.Clone(b)
				flipped[off] ^= bit
				o := openAndRead(t, f.with(name, flipped).fs(t))
				hit := -1
				for i, w := range where {
					if w.file == name && off >= w.from && off < w.to {
						hit = i
					}
				}
				switch {
				case name == "position": // the other slot holds, or all is read again
					if want := all(); len(o.lost) != 0 || !slices.Equal(o.read, want) && !slices.Equal(o.read, append([]uint64{0, 1}, want...)) {
						t.Errorf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
				case hit < madeAcked:
					if !slices.Equal(o.read, all()) || len(o.lost) != 0 {
						t.Errorf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
				default:
					if !slices.Equal(o.read, all(hit)) || len(o.lost) != 1 {
						t.Fatalf("%s, bit %#x of byte %d: read %d, lost %v", name, bit, off, o.read, o.lost)
					}
					l := o.lost[0]
					if l.First != uint64(hit) || l.Records != 1 || l.Weight != uint64(hit) || l.Segment != name || l.Offset != int64(where[hit].from) || l.Kind == disklog.Device {
						t.Errorf("%s, bit %#x of byte %d: %+v, want record %d", name, bit, off, l, hit)
					}
				}
			}
		}
	}
}

// A segment that ends early costs what was behind, and not what others have.
func TestTruncated(t *testing.T) {
	f, where := makeLog(t)
	for name, b := range f {
		for size := range b {
			o := openAndRead(t, f.with(name, b[:size]).fs(t))
			var gone []int
			for i, w := range where {
				if w.file == name && w.to > size && i >= madeAcked {
					gone = append(gone, i)
				}
			}
			want := all(gone...)
			if name == "position" && slices.Equal(o.read, append([]uint64{0, 1}, want...)) {
				continue // all is read again
			}
			if !slices.Equal(o.read, want) {
				t.Errorf("%s, %d bytes of it: read %d, want %d; lost %v", name, size, o.read, want, o.lost)
			}
			for _, l := range o.lost {
				if l.Kind != disklog.Torn {
					t.Errorf("%s, %d bytes of it: %v", name, size, l)
				}
			}
		}
	}
}

func TestDeletedSegments(t *testing.T) {
	f, where := makeLog(t)
	for name := range f {
		o := openAndRead(t, f.with(name, nil).fs(t))
		if name == "position" {
			if want := append([]uint64{0, 1}, all()...); !slices.Equal(o.read, want) || len(o.lost) != 0 {
				t.Errorf("without a position: read %d, want %d", o.read, want)
			}
			continue
		}
		var gone []int
		for i, w := range where {
			if w.file == name {
				gone = append(gone, i)
			}
		}
		if !slices.Equal(o.read, all(gone...)) || len(o.lost) != 1 {
			t.Errorf("without %s: read %d, lost %v", name, o.read, o.lost)
		}
	}
	none := files{"position": f["position"]}
	o := openAndRead(t, none.fs(t))
	if len(o.read) != 0 || len(o.lost) != 1 || o.lost[0].Kind != disklog.Missing || o.lost[0].Weight != madeWeight-1 {
		t.Errorf("without any: %+v", o)
	}
}

// What others have put into the directory is left alone.
func TestForeignFiles(t *testing.T) {
	f, _ := makeLog(t)
	foreign := files{"README": []byte("hello"), "x.seg": []byte("hello"), "0000000000000001-ABCDEF00.seg": {}, "a.tmp": {}, "lock": {}}
	maps.Copy(f, foreign)
	ours := []string{"0000000000000009-00000000.seg.tmp", "position.tmp"} // a crash has left them
	for _, name := range ours {
		f[name] = []byte("hello")
	}
	fsys := f.fs(t)
	if err := fsys.Mkdir("/log/0000000000000002-00000000.seg", 0o700); err != nil {
		t.Fatal(err)
	}
	o := openAndRead(t, fsys)
	if !slices.Equal(o.read, all()) || len(o.lost) != 0 || len(o.rec.Damage) != 1 {
		t.Errorf("%+v", o)
	}
	for _, name := range ours {
		if _, ok := fsys.Content("/log/" + name); ok {
			t.Errorf("%s is still there", name)
		}
	}
	for name, b := range foreign {
		if got, ok := fsys.Content("/log/" + name); !ok || string(got) != string(b) {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
}

// An empty segment is what a crash can leave of a new one.
func TestEmptySegments(t *testing.T) {
	f, _ := makeLog(t)
	for _, seq := range []uint64{0, 1, 5, madeRecords} {
		for _, b := range [][]byte{{}, make([]byte, 10), make([]byte, 1000)} {
			o := openAndRead(t, f.with(fmt.Sprintf("%016x-00000000.seg", seq), b).fs(t))
			if len(o.rec.Damage) == 0 {
				t.Errorf("an empty segment at %d is not damage", seq)
			}
			if seq == madeRecords && (!slices.Equal(o.read, all()) || len(o.lost) != 0) {
				t.Errorf("an empty one at the end: read %d, lost %v", o.read, o.lost)
			}
		}
	}
}

// A file of a version to come is not opened, and nothing is changed.
func TestNewerVersion(t *testing.T) {
	f, _ := makeLog(t)
	for name, b := range f {
		newer := slices.Clone(b)
		binary.LittleEndian.PutUint32(newer[8:], 2)
		sum := map[bool]int{true: 60, false: 44}[name == "position"]
		if name == "position" { // make it the one slot that counts
			newer = newer[:64]
			copy(newer, "WAYPOS\r\n")
			binary.LittleEndian.PutUint32(newer[8:], 2)
		}
		binary.LittleEndian.PutUint32(newer[sum:], crc32.Checksum(newer[:sum], crc32.MakeTable(crc32.Castagnoli)))
		g := f.with(name, newer)
		fsys := g.fs(t)
		if err := fsys.SetContent("/log/0000000000000009-00000000.seg.tmp", []byte("x")); err != nil {
			t.Fatal(err)
		}
		_, _, err := disklog.Open("/log", disklog.Options{FS: fsys})
		var tell *disklog.NewerError
		if !errors.Is(err, disklog.ErrNewer) || !errors.As(err, &tell) || tell.Version != 2 || tell.File != "/log/"+name {
			t.Errorf("%s: %v", name, err)
		}
		delete(g, "x")
		after := contents(t, fsys)
		delete(after, "0000000000000009-00000000.seg.tmp")
		if !maps.EqualFunc(after, g, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%s: the directory was changed", name)
		}
		if n := fsys.Opened(); n != 0 {
			t.Errorf("%d files are left open", n)
		}
	}
}

// Bytes that a sender has chosen do not pass for a record, even behind damage:
// here are headers of another segment, whole and with the right checksums.
func TestRecordsWithinRecords(t *testing.T) {
	f, where := makeLog(t)
	stolen := f[where[3].file][where[3].from:where[3].to]
	fsys := faultfs.New()
	l, _, err := disklog.Open("/log", disklog.Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if _, err := l.Append(disklog.Pending{Weight: 1, Data: [][]byte{stolen}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range contents(t, fsys) {
		if name == "position" {
			continue
		}
		b[segmentHead+8]++ // the first record's number
		if err := fsys.SetContent("/log/"+name, b); err != nil {
			t.Fatal(err)
		}
	}
	l, _, err = disklog.Open("/log", disklog.Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	var lost *disklog.Lost
	if _, err := l.Next(nil); !errors.As(err, &lost) || lost.Records != 1 || lost.Weight != 1 {
		t.Errorf("%v", err)
	}
	if r, err := l.Next(nil); err != nil || r.Seq != 1 || string(r.Data) != string(stolen) {
		t.Errorf("%+v, %v", r, err)
	}
}
