// Package h2 makes unary calls over HTTP/2: a request whose body is in memory,
// an answer that is short. It is that part of a client which exports need, at
// less than half the cost of net/http's: what is sent goes from where it lies
// to the socket, many frames in one system call.
//
//	caller ── HEADERS, DATA, DATA … (writev, as much as the peer's windows take)
//	              │ write lock: one at a time
//	           [ conn ] one per address; one goroutine reads
//	              │ HEADERS, DATA, HEADERS ──► caller
//	              └ SETTINGS, PING, WINDOW_UPDATE: answered by who writes next
//
// The goroutine that makes a call writes its frames, so that the body is never
// used after the call has ended. The goroutine that reads never waits for a
// write to get through for longer than for the answer to a ping: a peer that
// does not read can't make it stand still.
//
// What bounds it: an answer's body is at most 64 KiB, which is the window that
// streams begin with and that is never enlarged; its headers are at most
// 64 KiB; control frames that wait to be written, 4 KiB, after which the peer is
// taken for a flood; streams, the peer's limit and the number of callers.
//
// Frames are read by golang.org/x/net/http2.Framer, headers coded by its hpack.
// Section numbers are those of RFC 9113.
package h2
