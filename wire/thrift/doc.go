// Package thrift reads and writes Apache Thrift's two encodings, binary and
// compact, over byte slices.
//
// A Reader trusts nothing: every length is checked against the bytes that
// remain before it is believed, nesting has a limit, and what it returns
// aliases the input. It allocates only to say what is wrong.
//
// The encodings are described in Apache Thrift's doc/specs,
// thrift-binary-protocol.md and thrift-compact-protocol.md; names such as
// "field header" are used as there.
package thrift
