// Package zstd unpacks short Zstandard frames (RFC 8878): what servers say in
// answer to a request that was packed so. It is made to be small, not fast: the
// decoder of a library would be a fiftieth of the agent's binary.
//
// What it does without: dictionaries, and checksums, which it passes over.
package zstd
