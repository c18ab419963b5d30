package h2

import "time"

// Limits of what a connection may hold.
const (
	// maxStreams is how many calls a connection may have open
	// (SETTINGS_MAX_CONCURRENT_STREAMS). Those that were reset count until
	// their End has returned.
	maxStreams = 64
	// window is what a peer may send without being told to go on, in bytes, on
	// a connection and on a stream (section 5.2): what is on its way.
	window = 256 << 10
	// firstWindow is what connections begin with, in bytes (section 6.9.2).
	firstWindow = 65_535
	maxWindow   = 1<<31 - 1
	// frameSize is the largest frame, in bytes, that is taken, and sent
	// (section 4.2: what each side must take).
	frameSize = 16 << 10
	// tableSize is in bytes: of HPACK's tables, for each direction (section
	// 6.5.2).
	tableSize = 4096
	// maxHeaderList bounds the fields of a request, in bytes, counted as in
	// section 6.5.2 (SETTINGS_MAX_HEADER_LIST_SIZE); over it, the answer is 431.
	maxHeaderList = 16 << 10
	// maxHeaderBlock bounds them as they are sent, in bytes; over it, it is the
	// connection that ends.
	maxHeaderBlock = 2 * maxHeaderList
	// maxContinuations is how many frames may follow HEADERS (nghttp2's
	// NGHTTP2_DEFAULT_MAX_CONTINUATIONS; CVE-2024-28182, CVE-2023-45288).
	maxContinuations = 8
	// maxFields bounds the fields of a request that are kept; others are
	// dropped. OTLP needs ten.
	maxFields = 64
	// maxOutbox is in bytes: with more than that to be written, no frame is
	// read.
	maxOutbox = 16 << 10
)

// Times that are not a Server's to choose.
const (
	// pingTimeout is how long the answer to a ping may take.
	pingTimeout = 15 * time.Second
	// drainTimeout is how long a peer has to acknowledge the ping that follows
	// the first GOAWAY (section 6.8).
	drainTimeout = time.Second
	// lingerTime and lingerBytes are what is still read of a connection after
	// its last GOAWAY: closed with unread bytes in the socket, it would be reset,
	// and the peer might never see why.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)
