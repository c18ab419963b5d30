// Package json reads JSON (RFC 8259) out of a byte slice, value by value,
// without a tree, a map or reflection: who reads it knows what is to come, and
// writes it into another format at once.
//
// A Reader trusts nothing: nesting has a limit, strings must be UTF-8, and what
// it returns aliases the input or, for strings with escapes, the reader's own
// memory. It allocates for those alone.
package json
