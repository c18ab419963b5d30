// Package h2 answers unary calls over HTTP/2: requests whose body is taken in
// as it comes, answers that are short. It is that part of a server which OTLP
// needs, at less than half the cost of net/http's.
//
//	frames ──► [ conn ] one goroutine reads, and does all that is quick
//	              │ HEADERS ──► Handler, which makes a Receiver
//	              │ DATA ─────► Receiver.Data, there and then: nothing is queued
//	              │ the end ──► Receiver.End; where that may wait, in a goroutine
//	              └ answers, SETTINGS, PING, WINDOW_UPDATE ──► outbox, one write for many
//
// A stream has no goroutine until its body is complete, and most have none then,
// so that who begins many and ends none costs little. Bytes of bodies are never kept here: the
// windows bound what is on its way, not what is held.
//
// The goroutine that reads also writes, before it waits for more. A peer that
// does not read its answers is therefore not read from, and is cut off when a
// write has waited for Server.AnswerTimeout.
//
// What bounds it is in limits.go: streams, header blocks and their
// CONTINUATION frames, frames that bring nothing (abuse.go), and time for each
// of them (clock.go).
//
// Frames are read and written by golang.org/x/net/http2.Framer, headers coded by
// its hpack. Section numbers are those of RFC 9113.
package h2
