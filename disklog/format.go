package disklog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Everything in this file is part of the format and must not be changed: the
// layout is drawn in the package comment.
const (
	version = 1

	segmentMagic       = "WAYSEG\r\n" // a transfer as text would show
	segmentHeaderBytes = 48

	recordMagic       = "\xd1\x5c\x10\x66"
	recordHeaderBytes = 48

	positionMagic     = "WAYPOS\r\n"
	positionSlotBytes = 64
	positionFileBytes = positionSlotStep + sectorBytes
	positionSlotStep  = 4096 // bytes from slot to slot: a page that is torn takes one along, not both

	segmentSuffix = ".seg"
	unfinished    = ".tmp" // what was not renamed to its real name counts for nothing
	positionName  = "position"
	lockName      = "lock"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var order = binary.LittleEndian

// A point is a place between two records: the sequence number of the record
// behind it, and the weight of all records that were ever before it.
type point struct{ seq, weight uint64 }

// segmentHeader is what stands at a segment's start.
type segmentHeader struct {
	base    point
	created int64 // Unix time in ns
	salt    uint32
	rank    uint32 // of segments that begin with the same record, that with the highest has it
}

func (h segmentHeader) name() string {
	return fmt.Sprintf("%016x-%08x%s", h.base.seq, h.salt, segmentSuffix)
}

// parseName takes apart what name has put together.
func parseName(name string) (seq uint64, salt uint32, ok bool) {
	stem, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(stem) != 16+1+8 || stem[16] != '-' || strings.ToLower(stem) != stem {
		return 0, 0, false
	}
	seq, err1 := strconv.ParseUint(stem[:16], 16, 64)
	s, err2 := strconv.ParseUint(stem[17:], 16, 32)
	return seq, uint32(s), err1 == nil && err2 == nil
}

func (h segmentHeader) encode(b []byte) {
	_ = b[segmentHeaderBytes-1]
	copy(b, segmentMagic)
	order.PutUint32(b[8:], version)
	order.PutUint32(b[12:], h.salt)
	order.PutUint64(b[16:], h.base.seq)
	order.PutUint64(b[24:], h.base.weight)
	order.PutUint64(b[32:], uint64(h.created))
	order.PutUint32(b[40:], h.rank)
	order.PutUint32(b[44:], crc32.Checksum(b[:44], castagnoli))
}

// decode reports a version that is not this one's as newer, and only if the
// checksum is right: a flipped bit is no new version.
func (h *segmentHeader) decode(b []byte) (newer uint32, ok bool) {
	if len(b) < segmentHeaderBytes || string(b[:8]) != segmentMagic ||
		order.Uint32(b[44:]) != crc32.Checksum(b[:44], castagnoli) {
		return 0, false
	}
	if v := order.Uint32(b[8:]); v > version {
		return v, false
	}
	*h = segmentHeader{
		base:    point{order.Uint64(b[16:]), order.Uint64(b[24:])},
		created: int64(order.Uint64(b[32:])),
		salt:    order.Uint32(b[12:]),
		rank:    order.Uint32(b[40:]),
	}
	return 0, h.base.weight <= maxWeight
}

// recordHeader is what stands before a record's data.
type recordHeader struct {
	at     point
	weight uint64
	nanos  int64  // Unix time in ns
	length uint32 // of the data, in bytes
	sum    uint32 // CRC32C of the data
}

// after is the point behind the record.
func (h *recordHeader) after() point { return point{h.at.seq + 1, h.at.weight + h.weight} }

// bytes is the size of the record in its segment.
func (h *recordHeader) bytes() int64 { return recordHeaderBytes + int64(h.length) }

func (h *recordHeader) encode(b []byte, salt uint32) {
	_ = b[recordHeaderBytes-1]
	copy(b, recordMagic)
	order.PutUint32(b[4:], h.length)
	order.PutUint64(b[8:], h.at.seq)
	order.PutUint64(b[16:], h.at.weight)
	order.PutUint64(b[24:], h.weight)
	order.PutUint64(b[32:], uint64(h.nanos))
	order.PutUint32(b[40:], h.sum)
	order.PutUint32(b[44:], crc32.Update(salt, castagnoli, b[:44]))
}

// decode reports whether b starts with a record's header of this segment.
func (h *recordHeader) decode(b []byte, salt uint32) bool {
	if len(b) < recordHeaderBytes || string(b[:4]) != recordMagic ||
		order.Uint32(b[44:]) != crc32.Update(salt, castagnoli, b[:44]) {
		return false
	}
	*h = recordHeader{
		length: order.Uint32(b[4:]),
		at:     point{order.Uint64(b[8:]), order.Uint64(b[16:])},
		weight: order.Uint64(b[24:]),
		nanos:  int64(order.Uint64(b[32:])),
		sum:    order.Uint32(b[40:]),
	}
	return h.at.seq < maxSeq && h.at.weight <= maxWeight && h.weight <= maxWeight-h.at.weight
}

// slot is one of the two in the position file.
type slot struct {
	count uint64 // how often a position has been saved: the higher is the newer
	low   point  // of the oldest record that is not acknowledged
	end   point  // behind the newest record

	islands   uint32 // how many stand behind the slot
	islandSum uint32 // CRC32C of those
}

func (s slot) encode(b []byte) {
	_ = b[positionSlotBytes-1]
	copy(b, positionMagic)
	order.PutUint32(b[8:], version)
	order.PutUint32(b[12:], s.islands)
	order.PutUint64(b[16:], s.count)
	order.PutUint64(b[24:], s.low.seq)
	order.PutUint64(b[32:], s.low.weight)
	order.PutUint64(b[40:], s.end.seq)
	order.PutUint64(b[48:], s.end.weight)
	order.PutUint32(b[56:], s.islandSum)
	order.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}

// decode is as a segmentHeader's.
func (s *slot) decode(b []byte) (newer uint32, ok bool) {
	if len(b) < positionSlotBytes || string(b[:8]) != positionMagic ||
		order.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return 0, false
	}
	if v := order.Uint32(b[8:]); v > version {
		return v, false
	}
	*s = slot{
		count: order.Uint64(b[16:]),
		low:   point{order.Uint64(b[24:]), order.Uint64(b[32:])},
		end:   point{order.Uint64(b[40:]), order.Uint64(b[48:])},

		islands:   order.Uint32(b[12:]),
		islandSum: order.Uint32(b[56:]),
	}
	return 0, s.low.seq <= s.end.seq && s.low.weight <= s.end.weight && s.end.seq <= maxSeq && s.end.weight <= maxWeight
}

// maxSeq and maxWeight bound what is counted, so that no sum overflows and a
// mark has a bit to spare.
const (
	maxSeq    = 1<<63 - 1
	maxWeight = 1<<63 - 1
)
