// Package buffer keeps spans between the moment they are taken in and the
// moment a collector has them.
//
// A Lane is all that belongs to one tenant. It has two queues of frames:
//
//	answered   spans whose sender was told yes. Refuses when full; what is in
//	           it is never pushed out. At most half of the lane's bytes.
//	datagram   spans that came without a question. Drops its oldest when full.
//	           May use what the answered queue leaves free; at least half.
//
// A queue is a list of chunks, blocks of memory into which frames are copied
// one behind the other. Since frames put end to end are one frame, a chunk is
// a frame, and a batch is a list of chunks: nothing is copied again on the way
// out.
//
//	append ─► [chunk] [chunk] [chunk] [chunk ]─► Take ─► Batch (in flight) ─► Done
//	           tail                     head              ≤ a quarter of the lane
//
// The bound is honest: what is counted is the memory of the chunks, filled or
// not, those in flight included. Empty ones are kept for use again while they
// are used, in what room the others leave. Nothing else in a lane grows with
// traffic.
//
// # On disk
//
// A lane that was given a disk (OpenDisk) keeps everything there; memory is the
// way to it and back, and bytes above are bytes on disk. Each queue has a
// disklog, whose records are pieces of chunks, and a keeper, the one goroutine
// that reads and writes it:
//
//	append ─► [dirty] [clean] ──────────────────────────► Take ─► Batch ─► Done ─► ack
//	             │ write   └─ evict: it is on disk         ▲
//	             ▼                                         │
//	            log ───────────── read ─► [fetched] ───────┘
//
// As long as delivery keeps up, spans are written and never read: they are
// taken from memory, and what was delivered before it was written is not written
// at all. When memory is wanted, chunks that are on disk give theirs up, and come
// back by being read, the oldest first. Who waits for an answer waits for the
// pass of the keeper that writes what was appended (and syncs it, under
// SyncAlways); a pass takes all that is dirty, so that many requests share one
// fsync. Whoever brings datagrams never waits.
//
// A process ends with what it could not deliver still on disk, and counted as
// buffered; the next one finds it, and counts it as recovered. What was
// acknowledged to senders survives the process in any case, and the machine
// under SyncAlways; what was on its way to a collector may be sent again.
//
// # The account
//
// A Lane's lock guards its queues and its account, so that a Snapshot shows
// both at one moment. Buffered spans are counted from the chunks that are
// there, and from the records that the log has, never by subtraction. The lock is
// never held while the disk works.
package buffer
