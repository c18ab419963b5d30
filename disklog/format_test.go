package disklog

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// The bytes were written down by hand from the package comment, and the checksums
// computed by ten lines of Python, bit by bit (polynomial 0x82f63b78, reflected).
func TestGoldenBytes(t *testing.T) {
	var segment [segmentHeaderBytes]byte
	segmentHeader{base: point{0x0102, 0x0304}, created: 0x0506, salt: 0xa0b0c0d0, rank: 3}.encode(segment[:])
	var record [recordHeaderBytes]byte
	rh := recordHeader{at: point{0x11, 0x22}, weight: 0x33, nanos: -1, length: 0x44, sum: checksum([]byte("123456789"))}
	rh.encode(record[:], 0xa0b0c0d0)
	var position [positionSlotBytes]byte
	slot{count: 7, low: point{1, 2}, end: point{3, 4}}.encode(position[:])
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"segment", segment[:], `
			574159534547 0d0a  01000000 d0c0b0a0
			0201000000000000 0403000000000000 0605000000000000
			03000000 619bdacf`},
		{"record", record[:], `
			d15c1066 44000000
			1100000000000000 2200000000000000 3300000000000000 ffffffffffffffff
			839206e3 cf0c8ba5`}, // CRC32C of "123456789" is e3069283 in every catalogue
		{"position", position[:], `
			574159504f53 0d0a  01000000 00000000
			0700000000000000 0100000000000000 0200000000000000 0300000000000000 0400000000000000
			00000000 987f622c`},
	} {
		want, err := hex.DecodeString(strings.Join(strings.Fields(c.want), ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.got, want) {
			t.Errorf("%s: %x, want %x", c.name, c.got, want)
		}
	}
}

func TestHeadersComeBack(t *testing.T) {
	var b [positionSlotBytes]byte
	sh := segmentHeader{base: point{5, 6}, created: -7, salt: 8, rank: 9}
	sh.encode(b[:])
	var sh2 segmentHeader
	if newer, ok := sh2.decode(b[:segmentHeaderBytes]); newer != 0 || !ok || sh2 != sh {
		t.Errorf("%+v, want %+v", sh2, sh)
	}
	rh := recordHeader{at: point{5, 6}, weight: 7, nanos: -8, length: 9, sum: 10}
	rh.encode(b[:], 11)
	var rh2 recordHeader
	if !rh2.decode(b[:], 11) || rh2 != rh {
		t.Errorf("%+v, want %+v", rh2, rh)
	}
	if rh2.decode(b[:], 12) {
		t.Error("a header of another segment passes")
	}
	s := slot{count: 5, low: point{6, 7}, end: point{8, 9}}
	s.encode(b[:])
	var s2 slot
	if newer, ok := s2.decode(b[:]); newer != 0 || !ok || s2 != s {
		t.Errorf("%+v, want %+v", s2, s)
	}
}

func TestEveryFlippedBitOfAHeaderShows(t *testing.T) {
	var segment, record [segmentHeaderBytes]byte
	var position [positionSlotBytes]byte
	segmentHeader{base: point{5, 6}, salt: 8}.encode(segment[:])
	(&recordHeader{at: point{5, 6}, weight: 7}).encode(record[:], 8)
	slot{count: 5, end: point{8, 9}}.encode(position[:])
	for _, c := range []struct {
		name   string
		bytes  []byte
		decode func([]byte) (uint32, bool)
	}{
		{"segment", segment[:], new(segmentHeader).decode},
		{"record", record[:], func(b []byte) (uint32, bool) { return 0, new(recordHeader).decode(b, 8) }},
		{"position", position[:], new(slot).decode},
	} {
		for bit := range len(c.bytes) * 8 {
			c.bytes[bit/8] ^= 1 << (bit % 8)
			if newer, ok := c.decode(c.bytes); ok || newer != 0 {
				t.Errorf("%s: bit %d makes no difference: %v, %v", c.name, bit, newer, ok)
			}
			c.bytes[bit/8] ^= 1 << (bit % 8)
		}
		for n := range c.bytes {
			if _, ok := c.decode(c.bytes[:n]); ok {
				t.Errorf("%s: %d bytes pass", c.name, n)
			}
		}
	}
}

func TestNames(t *testing.T) {
	h := segmentHeader{base: point{seq: 0xabcdef}, salt: 0x1234}
	if got, want := h.name(), "0000000000abcdef-00001234.seg"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if seq, salt, ok := parseName(h.name()); seq != 0xabcdef || salt != 0x1234 || !ok {
		t.Errorf("%x %x %v", seq, salt, ok)
	}
	for _, foreign := range []string{
		"", "position", "lock", "x.seg", "0000000000abcdef-00001234", "0000000000ABCDEF-00001234.seg",
		"0000000000abcdef_00001234.seg", "000000000abcdef-00001234.seg", "+000000000abcdef-00001234.seg",
		"0000000000abcdef-0000123_.seg", "0000000000abcdef-00001234.seg.tmp", "0000000000abcdeg-00001234.seg",
	} {
		if _, _, ok := parseName(foreign); ok {
			t.Errorf("%q passes for a segment", foreign)
		}
	}
}
