package load

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The shape of the UDP traffic: 20 spans a packet, each with 10 tags and one log,
// 410 bytes a span, 8.2 kB a packet.
const (
	SpansPerPacket = 20
	PacketBytes    = 8200
	clients        = 8 // processes that are played, each with its own client-uuid and sequence
	spansPerTrace  = 5
)

// A packet is one client's message. The offsets are of varints whose length does
// not depend on what is put there.
type packet struct {
	bytes []byte
	spans []spanAt
	seqNo int // 0: it has none
	seq   uint64
}

// spanAt is where a span's ids are.
type spanAt struct{ traceLow, traceHigh, id, parent int }

// An id's varint has 10 bytes: 8 that change, with 7 bits each, and 2 that
// hold idTop, the topmost 8 bits before zig-zag decoding.
const (
	idBits = 56
	idTop  = 0xA5
)

// id begins a field whose value is to be put there.
func (w *writer) id(field byte) (at int) {
	w.field(field, typeI64)
	at = len(w.b)
	w.b = append(w.b, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80)
	if !w.binary {
		w.b = append(w.b, 0x80|idTop&0x7f, idTop>>7)
	}
	return at
}

// putID writes the low 56 bits of r at a place made by writer.id and returns
// the id that a reader will see there.
func putID(b []byte, r uint64) uint64 {
	r &= 1<<idBits - 1
	x := r&0xfffffff | r&0xfffffff0000000<<4 // 56 bits in 8 groups of 7, a byte each
	x = x&0x00003fff00003fff | x&0x0fffc0000fffc000<<2
	x = x&0x007f007f007f007f | x&0x3f803f803f803f80<<1
	binary.LittleEndian.PutUint64(b, x|0x8080808080808080)
	z := uint64(idTop)<<idBits | r
	return z>>1 ^ -(z & 1)
}

// seqNos begin here, because their varints then have 4 bytes for the next 130 million.
const firstSeqNo = 1 << 20

func putSeqNo(b []byte, n uint64) {
	z := n << 1
	b[0], b[1], b[2], b[3] = byte(z)|0x80, byte(z>>7)|0x80, byte(z>>14)|0x80, byte(z>>21)
}

// renew gives the packet new ids and the next sequence number. It returns the
// sum of its spans' ids, modulo 2^64.
func (p *packet) renew(rng *rand.PCG) (sum uint64) {
	var low, high, root uint64
	for i, at := range p.spans {
		id := rng.Uint64()
		parent := root
		if i%spansPerTrace == 0 {
			low, high, root, parent = rng.Uint64(), rng.Uint64(), id, rng.Uint64()
		}
		putID(p.bytes[at.traceLow:], low)
		putID(p.bytes[at.traceHigh:], high)
		sum += putID(p.bytes[at.id:], id)
		putID(p.bytes[at.parent:], parent)
	}
	if p.seqNo > 0 {
		putSeqNo(p.bytes[p.seqNo:], p.seq)
		p.seq++
	}
	return sum
}

// packets encodes one packet for each client; all have PacketBytes.
func packets(now time.Time) []*packet {
	made := make([]*packet, clients)
	for i := range made {
		// A process that is new to the agent, with a sequence of its own.
		uuid := fmt.Sprintf("%016x", uint64(now.UnixNano())<<3|uint64(i))
		p := encode(i, uuid, now, "")
		p = encode(i, uuid, now, strings.Repeat("x", PacketBytes-len(p.bytes)))
		if len(p.bytes) != PacketBytes {
			panic(fmt.Sprintf("load: a packet has %d bytes", len(p.bytes)))
		}
		made[i] = p
	}
	return made
}

// encode writes emitBatch(Batch) (jaeger.thrift, agent.thrift). The filling is
// spread over the spans, to end at the size that was asked for.
func encode(client int, uuid string, now time.Time, filling string) *packet {
	p := &packet{seq: firstSeqNo}
	w := &writer{b: append([]byte{0x82, 0x21, 1, 9}, "emitBatch"...)} // CALL, as jaeger-client-go sends it
	w.open()
	w.field(1, typeStruct)
	w.open()
	p.spans = w.batch(client, uuid, SpansPerPacket, now, filling)
	w.field(3, typeI64)
	p.seqNo = len(w.b)
	w.b = append(w.b, 0x80, 0x80, 0x80, 1)
	w.field(4, typeStruct) // ClientStats: nothing lost
	w.open()
	w.i64(1, 0)
	w.i64(2, 0)
	w.i64(3, 0)
	w.close()
	w.close()
	w.close()
	p.bytes = w.b
	return p
}
