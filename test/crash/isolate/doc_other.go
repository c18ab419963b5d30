//go:build !linux

// Package isolate needs namespaces, which only Linux has.
package isolate
