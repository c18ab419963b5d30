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
// not, those in flight included. Nothing else in a lane grows with traffic.
//
// A Lane's lock guards its queues and its account, so that a Snapshot shows
// both at one moment. Buffered spans are counted from the chunks that are
// there, never by subtraction.
package buffer
